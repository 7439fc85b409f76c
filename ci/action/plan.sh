#!/usr/bin/env bash
# Writes the plan of the command to the job summary. It changes nothing; if the plan fails, the command itself reports
# the reason with its own exit code. Only an interruption stops the job here.
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
