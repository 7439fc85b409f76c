#!/usr/bin/env bash
# Opens or updates the pull request with the lock changes from an earlier job of this run. The patch is not executed,
# and it is rejected if it changes any file other than the locks and the license list.
set -euo pipefail
branch=dependencies
gh run download "${GITHUB_RUN_ID:?}" --name locks --dir "${RUNNER_TEMP:?}/locks"
patch=$RUNNER_TEMP/locks/locks.patch
if [[ ! -s $patch ]]; then
  echo "the locks are up to date"
  exit 0
fi

refuse() {
  echo "::error title=dependencies::the patch $1"
  exit 1
}
git apply --check "$patch"
! grep -Eq '^(new|old|deleted) (file )?mode|^rename |^copy ' "$patch" || refuse 'does more than change lines'
while IFS=$'\t' read -r _ _ path; do
  case $path in
    requirements/*.lock | images/llm-backend/requirements.lock | images/dashboard/requirements.txt | docs/licenses.md) ;;
    *) refuse 'touches a file that is no lock' ;;
  esac
done < <(git apply --numstat "$patch")
git apply --index "$patch"

git switch --quiet --create "$branch"
git -c user.name='github-actions[bot]' -c user.email='41898282+github-actions[bot]@users.noreply.github.com' \
  commit --quiet --message 'requirements: renew the locks'
gh auth setup-git
git push --quiet --force "https://github.com/${GITHUB_REPOSITORY:?}" "$branch"
gh workflow run ci.yml --ref "$branch"
if ! gh pr view "$branch" --json state --jq .state 2>/dev/null | grep -qx OPEN; then
  gh pr create --head "$branch" --title 'requirements: renew the locks' \
    --body 'The newest releases of every locked package. Licences and audit have passed; ci runs on the branch.'
fi
