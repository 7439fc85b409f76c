"""Container start: builds the parameters of Vast's create call that start the first process of the container.

By default (`args`) the ENTRYPOINT of the image runs. With `debug_ssh`, Vast runs its own setup and an SSH server
instead (Vast docs, launch modes), so `onstart`, which Vast runs at every start of the container, does the work of the
image. It must start the guard even if other steps fail: the guard is the off-switch.
"""

from __future__ import annotations

from ert_deploy.core.model.desired import Launch

MAX_ONSTART = 4048  # characters; Vast's own client compresses longer ones (Vast docs, API reference)

# Equivalent to WORKDIR, USER and ENTRYPOINT of images/llm-backend/Dockerfile. The variables are read from the first
# process of the container, because a shell of Vast may not have all; they are never passed as arguments.
ONSTART = """\
cd /app || exit 1
PATH="/usr/local/bin:/usr/bin:/bin:$PATH"
(: >>/proc/1/fd/1) 2>/dev/null && exec >>/proc/1/fd/1 2>&1
nohup python -c '
import os, pwd
env = {}
try:
    with open("/proc/1/environ", "rb") as file:
        env = dict(pair.split(b"=", 1) for pair in file.read().split(b"\\0") if b"=" in pair)
except OSError as error:
    print("onstart:", error.strerror, flush=True)
env |= os.environb
try:
    user = pwd.getpwnam("ert")
    if os.getuid() == 0:
        os.initgroups(user.pw_name, user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        env[b"HOME"] = os.fsencode(user.pw_dir)
except (KeyError, OSError) as error:
    print("onstart: the guard keeps the user it has:", error, flush=True)
os.execvpe("python", ["python", "-m", "ert_backend.guard"], env)
' </dev/null &
"""


def start(launch: Launch) -> dict[str, str]:
    """Return the keyword arguments of the create call that configure how the container starts."""
    if not launch.debug_ssh:
        return {"runtype": "args"}
    return {"runtype": "ssh_direct", "onstart_cmd": ONSTART}
