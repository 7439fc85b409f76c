#!/usr/bin/env bash
# Runs the command and writes the outputs of the step. Exits with the exit code of the command.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
enter
result=$place/result.json

case ${ERT_ACTION_COMMAND:?} in
  rotate) words=(key rotate) ;;
  reap) words=(reap --dry-run) ;; # the step only lists strays; an operator destroys them
  *) words=("$ERT_ACTION_COMMAND") ;;
esac

ert_deploy "$result" "${words[@]}" -c "${ERT_ACTION_CONFIG:?}" --json
code=$?
mute
cat "$result"
"$python" -I "$here/report.py" outputs "$ERT_ACTION_COMMAND" "$code" <"$result" || [[ $code != 0 ]] || code=1
unmute
exit "$code"
