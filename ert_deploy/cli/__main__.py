"""`python -m ert_deploy.cli`: the same as the `ert-deploy` command."""

from ert_deploy.cli import main

if __name__ == "__main__":
    main()
