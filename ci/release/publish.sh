#!/usr/bin/env bash
# Makes the release of a tag at GitHub from what earlier jobs of this run have built and tested. It runs none of that.
# A draft: whoever releases reads it and publishes it.
set -euo pipefail
tag=${1:?the tag}
cd "${RUNNER_TEMP:?}/release"
(cd dist && sha256sum --check --strict SHA256SUMS)
printf '\nImage: %s\n' "$(cat image.txt)" >>notes.md
gh release create "$tag" --repo "${GITHUB_REPOSITORY:?}" --verify-tag --draft --title "$tag" --notes-file notes.md \
  dist/*.whl dist/*.tar.gz dist/SHA256SUMS image.cdx.json
