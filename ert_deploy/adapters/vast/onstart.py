"""How the container's first process is started, in the words of Vast's create call.

Normally (`args`) the image's ENTRYPOINT runs and nothing has to be said. With `debug_ssh` Vast puts its own setup with
an SSH server in its place (Vast docs, launch modes), so what the image would have done is done by `onstart`, which
Vast runs at every start of the container. It must start the guard, whatever else fails: the guard is the off-switch.
"""

from __future__ import annotations

from ert_deploy.core.model.desired import Launch

MAX_ONSTART = 4048  # characters; Vast's own client compresses longer ones (Vast docs, API reference)

# What WORKDIR, USER and ENTRYPOINT of images/llm-backend/Dockerfile do. The variables are those of the container's
# first process, as a shell that Vast starts may not have them all; they travel in memory, never in an argument.
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
    """The create call's keyword arguments that say how the container starts."""
    if not launch.debug_ssh:
        return {"runtype": "args"}
    return {"runtype": "ssh_direct", "onstart_cmd": ONSTART}
