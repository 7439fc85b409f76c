#!/usr/bin/env bash
# Writes what the command is going to do into the job's summary. It changes nothing, and when no plan can be made the
# command itself still says why, with its own exit code. Only an interruption ends the job here.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
enter
words=(plan -c "${ERT_ACTION_CONFIG:?}")
case ${ERT_ACTION_COMMAND:?} in
  down | sleep) words+=("--$ERT_ACTION_COMMAND") ;;
esac

ert_deploy "$place/plan.txt" "${words[@]}"
code=$?
mute
"$python" -I "$here/report.py" plan "$ERT_ACTION_COMMAND" "$code" <"$place/plan.txt" || code=$?
unmute
case $code in
  130 | 137 | 143) exit "$code" ;;
esac
