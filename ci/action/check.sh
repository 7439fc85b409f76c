#!/usr/bin/env bash
# First step of the action: rejects invalid inputs before anything is installed.
# Inputs are never echoed: the runner interprets lines that start with `::` as commands.
set -euo pipefail
export LC_ALL=C

refuse() {
  printf '::error title=ert-deploy::%s\n' "$1"
  exit 2
}

case "${ERT_ACTION_COMMAND:-}" in
  up | sleep | wake | down | rotate | plan | status | reap) ;;
  *) refuse 'input "command" must be one of up, sleep, wake, down, rotate, plan, status, reap' ;;
esac

[[ ${ERT_ACTION_CONFIG:-} =~ ^[A-Za-z0-9._/][A-Za-z0-9._/-]*$ ]] ||
  refuse 'input "config" must be a name in configs/ or a path, of letters, digits, dots, dashes, underscores and slashes'

case "${ERT_ACTION_DIRECTORY:=.}" in
  /*) folder=$ERT_ACTION_DIRECTORY ;;
  *) folder=${GITHUB_WORKSPACE:?}/$ERT_ACTION_DIRECTORY ;;
esac
[[ -d $folder ]] || refuse 'input "working-directory" is not a folder; is the repository checked out?'

if [[ -n ${ERT_ACTION_AWS_ROLE:-} ]]; then
  [[ $ERT_ACTION_AWS_ROLE =~ ^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$ ]] ||
    refuse 'input "aws-role" must be the ARN of a role, arn:aws:iam::ACCOUNT:role/NAME'
  [[ -n ${ERT_ACTION_AWS_REGION:-} ]] || refuse 'input "aws-region" must be given with "aws-role"'
fi
[[ ${ERT_ACTION_AWS_REGION:-} =~ ^([a-z]{2}(-[a-z]+)+-[0-9]+)?$ ]] ||
  refuse 'input "aws-region" must be a region such as eu-central-1'
