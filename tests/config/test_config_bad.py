"""Invalid configs, one mistake each: its location, the message, and the hint."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ert_deploy.config import ConfigProblems

Change = Callable[[str, str], str]
Judge = Callable[[str], ConfigProblems]

CONTEXT = "context: 16384"
OPENAI = "context: 16384\n  engine: openai\n  engine_command: vllm"
IMAGE = "ghcr.io/someone/ert-llm-backend:0.1.0"
GUARD = "idle_stop: 20m\n    boot_deadline: 45m\n    max_lifetime: 12h"
NAME = "name: ert-dashboard"

# (text in the valid config, its replacement, path, part of the message, part of the hint)
BAD = [
    # keys
    ("disk_gb: 40", "dsik_gb: 40", "launch/dsik_gb", "no such key", "did you mean disk_gb?"),
    ("disk_gb: 40", "DISK_GB: 40", "launch/DISK_GB", "no such key", "did you mean disk_gb?"),
    ("offer:", "ofer:", "ofer", "no such key", "did you mean offer?"),
    ("timeout: 3m", "time-out: 3m", "render/services/0/time-out", "no such key", "did you mean timeout?"),
    ("verified: true", "zzz: true", "offer/zzz", "no such key", "in offer there are: max_dph"),
    ("verified: true", "yes: true", "offer/yes", "no such key", ""),
    ("verified: true", "? [a]\n  : true", "offer", "a key must be a word", ""),
    ("verified: true", '"\\e[31m": true', "offer/'\\x1b[31m'", "no such key", ""),
    ("disk_gb: 40", "disk_gb: 40\n  disk_gb: 41", "launch/disk_gb", "given twice, in lines 8 and 9", "keep one"),
    ("state: null", "state: null\noffer: {}", "offer", "given twice, in lines 15 and", "keep one"),
    ("deployment: ert\n", "", "deployment", "missing", ""),
    ("  max_dph: 0.60\n", "", "offer/max_dph", "missing", ""),
    ("max_dph: 0.60", "max_dph:", "offer/max_dph", "no value", ""),
    (f"    - {NAME}\n      timeout", "    - timeout", "render/services/0/name", "missing", ""),
    # types
    ("disk_gb: 40", "disk_gb: [40]", "launch/disk_gb", "one value, not a list", ""),
    ("disk_gb: 40", "disk_gb: {gb: 40}", "launch/disk_gb", "one value, not a section", ""),
    ("gpu_names: []", "gpu_names: RTX 3090", "offer/gpu_names", "a list, not a single value", "[one, two]"),
    ("  key:\n    env: VAST_API_KEY", "  key: 12ab", "vast/key", "a section with keys", ""),
    ("    - name", "      name", "render/services", "a list, not a section", "dash"),
    (f"    - {NAME}", "    - just-a-name\n    - name: x", "render/services/0", "a section with keys", ""),
    # YAML's interpretation of plain scalars
    ("countries: []", "countries: [no]", "offer/countries/0", "true or false", 'put it in quotes: "no"'),
    ("deployment: ert", "deployment: on", "deployment", "YAML reads 'on' as true or false", "quotes"),
    ("deployment: ert", "deployment: 12", "deployment", "YAML reads '12' as a number", "quotes"),
    ("deployment: ert", "deployment: 2026-01-01", "deployment", "as a date", "quotes"),
    ("verified: true", "verified: yes", "offer/verified", "neither true nor false", "without quotes"),
    ("verified: true", 'verified: "true"', "offer/verified", "neither true nor false", "without quotes"),
    ("verified: true", "verified: 1", "offer/verified", "neither true nor false", ""),
    ("max_dph: 0.60", "max_dph: true", "offer/max_dph", "true or false, not as a number", ""),
    ("disk_gb: 40", "disk_gb: 0o50", "launch/disk_gb", "not a plain number", "digits"),
    ("disk_gb: 40", "disk_gb: 050", "launch/disk_gb", "not a plain number", "digits"),
    ("disk_gb: 40", "disk_gb: 0x28", "launch/disk_gb", "not a plain number", "digits"),
    ("disk_gb: 40", "disk_gb: 1_000", "launch/disk_gb", "not a plain number", "digits"),
    ("disk_gb: 40", "disk_gb: 1:30", "launch/disk_gb", "not a plain number", "digits"),
    ("deployment: ert", "deployment: !!python/object/apply:os.system [ls]", "deployment", "tag", "remove it"),
    ("deployment: ert", "deployment: !secret ert", "deployment", "tag", "remove it"),
    ("disk_gb: 40", "disk_gb: !!binary NDA=", "launch/disk_gb", "not a plain number", ""),
    # durations
    ("idle_stop: 20m", "idle_stop: 1:30", "launch/guard/idle_stop", "not a duration", "write minutes or seconds"),
    ("idle_stop: 20m", "idle_stop: 5 m", "launch/guard/idle_stop", "not a duration", "write 5m"),
    ("idle_stop: 20m", "idle_stop: 20min", "launch/guard/idle_stop", "not a duration", "write 20m"),
    ("idle_stop: 20m", "idle_stop: 2 Hours", "launch/guard/idle_stop", "not a duration", "write 2h"),
    ("idle_stop: 20m", "idle_stop: soon", "launch/guard/idle_stop", "not a duration", "such as 90s, 20m, 3h"),
    ("idle_stop: 20m", "idle_stop: 5s", "launch/guard/idle_stop", "not between 1m and 30d, or 0", ""),
    ("idle_stop: 20m", "idle_stop: -1", "launch/guard/idle_stop", "not between", ""),
    ("idle_stop: 20m", "idle_stop: -5m", "launch/guard/idle_stop", "not a duration", ""),
    ("idle_stop: 20m", "idle_stop: 3650d", "launch/guard/idle_stop", "not between", ""),
    ("idle_stop: 20m", "idle_stop: 1e308", "launch/guard/idle_stop", "not between", ""),
    ("idle_stop: 20m", "idle_stop: .nan", "launch/guard/idle_stop", "not a finite number", ""),
    ("idle_stop: 20m", "idle_stop: -.inf", "launch/guard/idle_stop", "not a finite number", ""),
    ("idle_stop: 20m", "idle_stop: 60.5", "launch/guard/idle_stop", "not a whole number of seconds", ""),
    ("idle_stop: 20m", "idle_stop: off", "launch/guard/idle_stop", "true or false", ""),
    # money
    ("max_dph: 0.60", "max_dph: 0", "offer/max_dph", "too small", "more than 0 $/h"),
    ("max_dph: 0.60", "max_dph: -1", "offer/max_dph", "too small", "more than 0"),
    ("max_dph: 0.60", "max_dph: 129", "offer/max_dph", "too large", "at most 128 $/h"),
    ("max_dph: 0.60", "max_dph: .nan", "offer/max_dph", "not a finite number", ""),
    ("max_dph: 0.60", "max_dph: nan", "offer/max_dph", "not a finite number", ""),
    ("max_dph: 0.60", "max_dph: .inf", "offer/max_dph", "not a finite number", ""),
    ("max_dph: 0.60", "max_dph: 1e999", "offer/max_dph", "not a finite number", ""),
    ("max_dph: 0.60", "max_dph: $0.60", "offer/max_dph", "not a plain number", "without a unit"),
    ("max_dph: 0.60", "max_dph: 0,60", "offer/max_dph", "not a plain number", "decimal point"),
    # sizes
    ("disk_gb: 40", "disk_gb: 7.9", "launch/disk_gb", "too small", "at least 8 GB"),
    ("disk_gb: 40", "disk_gb: 0", "launch/disk_gb", "too small", "at least 8 GB"),
    ("disk_gb: 40", "disk_gb: 1000000000", "launch/disk_gb", "too large", "at most 10000 GB"),
    ("disk_gb: 40", "disk_gb: 40GB", "launch/disk_gb", "not a plain number", "without a unit"),
    ("disk_gb: 40", "disk_gb: 19", "launch/disk_gb", "do not hold the image, the model", "at least 19.8"),
    ("gpu_ram: 24GB", "gpu_ram: 24", "offer/gpu_ram", "not a size with its unit", "write 24GB"),
    ("gpu_ram: 24GB", "gpu_ram: 24576", "offer/gpu_ram", "its unit", "write 24GB (the class of cards) or 24576MB"),
    ("gpu_ram: 24GB", "gpu_ram: 24gib", "offer/gpu_ram", "its unit", "like 24GB"),
    ("gpu_ram: 24GB", "gpu_ram: 2GB", "offer/gpu_ram", "not a size of GPU memory", "such as 24GB"),
    ("gpu_ram: 24GB", "gpu_ram: 12GB", "offer/gpu_ram", "do not hold gpt-oss:20b with its context", "larger gpu_ram"),
    ("context: 16384", "context: 16384.5", "launch/context", "not a whole number", ""),
    ("context: 16384", "context: 262144", "launch/context", "reads at most 131072", "131072"),
    ("min_reliability: 0.98", "min_reliability: 98", "offer/min_reliability", "too large", "at most 1"),
    # the image
    (IMAGE, "ghcr.io/YOUR-NAME/ert-llm-backend:0.1.0", "launch/image", "placeholder", "the image you pushed"),
    (IMAGE, "ghcr.io/someone/ert:latest", "launch/image", "moves", "digest"),
    (IMAGE, "ghcr.io/someone/ert", "launch/image", "neither tag nor digest", "add a tag"),
    (IMAGE, '"-u root:1"', "launch/image", "starts with a dash", "not an option"),
    (IMAGE, '"a b:1"', "launch/image", "white space", ""),
    (IMAGE, '"a:1\\n"', "launch/image", "white space", ""),
    (IMAGE, "ghcr.io/Some/Ert:1", "launch/image", "not an image reference", "lower case"),
    (IMAGE, "a:1@sha256:12", "launch/image", "not an image reference", ""),
    (IMAGE, "a" * 1100 + ":1", "launch/image", "not an image reference", ""),
    (IMAGE, '"$(reboot):1"', "launch/image", "not an image reference", ""),
    # the model
    ("gpt-oss:20b", "llama3.2:8b", "launch/model", "not known", "did you mean llama3.1:8b?"),
    ("gpt-oss:20b", "gpt-oss:2b", "launch/model", "not known", "did you mean gpt-oss:20b?"),
    ("gpt-oss:20b", "qwen3:14b", "launch/model", "not known", "launch/model_gb"),
    ("gpt-oss:20b", "gpt-oss", "launch/model", "not a model with its tag", "gpt-oss:20b"),
    ("gpt-oss:20b", "gpt-oss:latest", "launch/model", "moves", "gpt-oss:20b"),
    ("gpt-oss:20b", "toy:0.5m", "launch/model", "in the sandbox only", "gpt-oss:20b"),
    ("model_gb: null", "model_gb: 3", "launch/model_gb", "gpt-oss:20b is 13.8 GB", "leave launch/model_gb out"),
    # the engine
    (CONTEXT, "context: 16384\n  engine: vroom", "launch/engine", "not one of ollama, openai", ""),
    (CONTEXT, "context: 16384\n  engine: openai", "launch/engine_command", "needs the command", "llama-server"),
    (CONTEXT, "context: 16384\n  engine_command: vllm", "launch/engine_command", "for engine: openai only", "remove"),
    (CONTEXT, f"{OPENAI}\n  model_digest: {'a' * 64}", "launch/model_digest", "report the digest", "pin the file"),
    (CONTEXT, f"{OPENAI}\n  kv_type: q8_0", "launch/kv_type", "Ollama's setting", "engine_command"),
    (CONTEXT, "context: 16384\n  model_digest: abc", "launch/model_digest", "not a SHA-256 digest", "64 hex digits"),
    (CONTEXT, "context: 16384\n  temperature: 3", "launch/temperature", "3", ""),
    (CONTEXT, "context: 16384\n  parallel: 0", "launch/parallel", "0", ""),
    (CONTEXT, "context: 131072\n  parallel: 4", "offer/gpu_ram", "do not hold gpt-oss:20b", "less parallel"),
    # names
    ("deployment: ert", 'deployment: ""', "deployment", "not a deployment's name", "lower-case"),
    ("deployment: ert", "deployment: " + "e" * 300, "deployment", "not a deployment's name", "31"),
    ("deployment: ert", "deployment: 'ert:2'", "deployment", "not a deployment's name", ""),
    ("deployment: ert", "deployment: ../ert", "deployment", "not a deployment's name", ""),
    ("deployment: ert", 'deployment: "ert\\n"', "deployment", "'ert\\n' is not", ""),
    ("deployment: ert", 'deployment: "\\e[31mert"', "deployment", "'\\x1b[31mert'", ""),
    ("deployment: ert", "deployment: ert\U0001f680", "deployment", "'ert\\U0001f680'", ""),
    ("deployment: ert", "deployment: Ert", "deployment", "not a deployment's name", ""),
    ("countries: []", "countries: [us]", "offer/countries/0", "not in capitals", "write US"),
    ("countries: []", "countries: [UK]", "offer/countries/0", "not a country code", "write GB"),
    ("countries: []", "countries: [USA]", "offer/countries/0", "not a country code", "two letters"),
    ("countries: []", "countries: [DE, US, DE]", "offer/countries", "names DE more than once", ""),
    ("countries: []", "countries: [DE, null]", "offer/countries/1", "no value", ""),
    ("gpu_names: []", "gpu_names: [RTX_4090]", "offer/gpu_names/0", "not how the market spells it", "write RTX 4090"),
    ("gpu_names: []", "gpu_names: [rtx 3090 ti]", "offer/gpu_names/0", "not how the market", "write RTX 3090 Ti"),
    ("gpu_names: []", "gpu_names: ['a;b']", "offer/gpu_names/0", "not the name of a GPU", "such as RTX 4090"),
    ("market: on-demand", "market: on_demand", "launch/market", "not one of", "did you mean on-demand?"),
    (NAME, "name: srv-12", "render/services/0/name", "not a service id", "20 lower-case"),
    (NAME, "name: ''", "render/services/0/name", "not the name of a service", ""),
    (NAME, 'name: "a\\0b"', "render/services/0/name", "not the name of a service", ""),
    (f"    - {NAME}", f"    - {NAME}\n    - {NAME}", "render/services/1/name", "listed already", ""),
    ("ERT_LLM_BACKEND_URL", "1URL", "render/services/0/owned/url", "not the name of an environment variable", ""),
    ("ERT_LLM_BACKEND_URL", "A=B", "render/services/0/owned/url", "not the name of an environment variable", ""),
    ("ERT_LLM_BACKEND_URL", "PORT", "render/services/0/owned/url", "belongs to Render", "another name"),
    ("ERT_LLM_BACKEND_URL", "RENDER_X", "render/services/0/owned/url", "belongs to Render", ""),
    ("ERT_LLM_BACKEND_URL", "ERT_DASHBOARD_PASSWORD_HASH", "render/services/0/owned/url", "app's login", "another"),
    ("ERT_LLM_BACKEND_URL", "SECRET_KEY", "render/services/0/owned/url", "app's login", "another"),
    ("ERT_LLM_BACKEND_URL", "ERT_LLM_API_KEY", "render/services/0/owned/url", "more than one thing", "its own name"),
    ("health_path: /health", "health_path: health", "render/services/0/health_path", "not a path", "starts with /"),
    ("health_path: /health", "health_path: /a?b", "render/services/0/health_path", "not a path", "no query"),
    ("env: VAST_API_KEY", "env: 1a2b", "vast/key/env", "not the name of an environment variable", "never in a config"),
    ("env: VAST_API_KEY", "file: ~nobody-of-that-name/k", "vast/key/file", "no such home folder", "in full"),
    ("state: null", "state: ''", "state", "not a path", ""),
    ("state: null", "state: s3:/bucket/a.json", "state", "not an object in S3", "s3://my-bucket"),
    ("state: null", "state: S3://bucket/a.json", "state", "not an object in S3", "s3://my-bucket"),
    ("state: null", "state: s3://bucket", "state", "not an object in S3", "s3://my-bucket"),
    ("state: null", "state: s3://My_Bucket/a.json", "state", "not the name of a bucket", "lower-case"),
    ("state: null", "state: s3://a..b/a.json", "state", "not the name of a bucket", ""),
    ("state: null", "state: s3://bucket/a.txt", "state", "not a key for the state", ".json"),
    ("state: null", "state: s3://bucket/../a.json", "state", "not a key for the state", ""),
    ("state: null", "state: 's3://bucket/{name}.json'", "state", "not a key for the state", ""),
    ("state: null", "state: postgres://user@host/db", "state", "neither `postgres` nor", "ERT_STATE_DATABASE_URL"),
    ("state: null", "state: postgresql", "state", "neither `postgres` nor", "read from that variable"),
    ("state: null", "state: postgres:lower", "state", "neither `postgres` nor", "ERT_STATE_DATABASE_URL"),
    ("state: null", "state: s3://bucket//a.json", "state", "not a key for the state", ""),
    ("https://console.vast.ai", "http://vast.example", "vast/url", "not an https address", "127.0.0.1"),
    ("https://console.vast.ai", "ftp://127.0.0.1", "vast/url", "not an https address", ""),
    ("https://console.vast.ai", "https://[::1", "vast/url", "not a web address", ""),
    ("https://console.vast.ai", "https://a:70000", "vast/url", "not a web address", ""),
    ("env: VAST_API_KEY", "env: GH_TOKEN", "vast/key/env", "GH_TOKEN does not start with VAST_", '="$GH_TOKEN"'),
    ("env: VAST_API_KEY", "env: RENDER_API_KEY", "vast/key/env", "does not start with VAST_", "write VAST_API_KEY"),
    ("env: VAST_API_KEY", "env: VASTLY", "vast/key/env", "does not start with VAST_", "write VAST_API_KEY"),
    ("https://console.vast.ai", "https://vast.example", "vast/url", "would be sent the API key", "=vast.example if"),
    ("https://console.vast.ai", "https://console.vast.ai:444", "vast/url", "is not console.vast.ai", "remove it"),
    ("https://console.vast.ai", "https://api.render.com/v1", "vast/url", "would be sent the API key", "remove it"),
    # between keys
    ("market: on-demand", "market: interruptible", "launch/bid", "needs a bid", "launch/bid: auto"),
    ("bid: null", "bid: auto", "launch/bid", "interruptible market only", "remove it"),
    ("bid: null", "or_on_demand: true", "launch/or_on_demand", "interruptible market only", "remove it"),
    ("on-demand\n  bid: null", "interruptible\n  bid: automatic", "launch/bid", "is not a plain number", "or auto"),
    ("bid: null", "bid_margin: 6", "launch/bid_margin", "too large", "at most 5"),
    ("bid: null", "hedge: 3", "launch/hedge", "too large", "at most 2 machines"),
    ("bid: null", "bid: 0.2", "launch/bid", "interruptible market only", "remove it"),
    ("on-demand\n  bid: null", "interruptible\n  bid: 0.7", "launch/bid", "more than offer/max_dph", "at most 0.6"),
    (GUARD, "idle_stop: 0\n    max_lifetime: 0", "launch/guard/idle_stop", "would never be stopped", "idle_stop: 20m"),
    ("boot_deadline: 45m", "boot_deadline: 40m", "launch/guard/boot_deadline", "after 40m", "shorter boot_limit"),
    ("no_progress: 5m", "no_progress: 50m", "timings/no_progress", "longer than timings/boot_limit", "45m"),
    ("settle: 4m", "settle: 30s", "timings/settle", "not between 1m and 1h", ""),
    ("settle: 4m", "settle: 3m", "timings/settle", "30s for the call and 2m for the provider", "settle: 210s, or a"),
    ("settle: 4m", "call_within: 91s", "timings/settle", "a late call would be considered lost", "241s"),
    ("sandbox: null", "sandbox: {speed: 120}", "timings/settle", "2m for the call", "settle: 5m"),
    ("hours: 2", "hours: 100", "offer/min_duration", "could end during", "plan/hours and a day"),
    ("vast.ai", "vast.example", "vast/url", "has its own address", "sandbox section"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "path", "what", "hint"), BAD, ids=[f"{row[2]}={row[1][:30]!r}" for row in BAD])
def test_one_mistake(changed: Change, problems: Judge, old: str, new: str, path: str, what: str, hint: str) -> None:
    text = changed(old, new)
    if what == "has its own address":
        text = text.replace("sandbox: null", "sandbox: {}")
    found = problems(text)
    matching = [problem for problem in found.problems if problem.path == path]
    assert len(matching) == 1, found.problems
    assert what in matching[0].what
    assert hint in matching[0].hint
    assert found.exit_code == 2


def test_all_problems_are_said_at_once_in_the_order_of_the_lines(problems: Judge, changed: Change) -> None:
    text = changed("disk_gb: 40", "disk_gb: 7.9").replace("deployment: ert", "deployment: ERT").replace("24GB", "24")
    text = text.replace("hours: 2", "huors: 2").replace(NAME, "nam: x").replace("bid: null", "bid: 1")
    found = problems(text)
    assert [(problem.line, problem.path) for problem in found.problems] == [
        (1, "deployment"),
        (8, "launch/disk_gb"),
        (10, "launch/bid"),
        (10, "launch/bid"),
        (17, "offer/gpu_ram"),
        (24, "plan/huors"),
        (35, "render/services/0/nam"),
        (35, "render/services/0/name"),
    ]
    assert found.summary == "test.yaml: 8 problems"
    assert found.detail.splitlines()[1] == "line 8: launch/disk_gb: 7.9 is too small (hint: at least 8 GB)"


def test_a_page_of_problems_is_enough(problems: Judge) -> None:
    found = problems("deployment: ert\n" * 1000)
    assert len(found.problems) > 999
    assert len(found.detail.splitlines()) == 51
    assert found.detail.endswith(f"and {len(found.problems) - 50} more")


def test_one_problem_is_one_line(problems: Judge, changed: Change) -> None:
    found = problems(changed("disk_gb: 40", "disk_gb: 7.9"))
    assert (found.summary, found.detail) == ("test.yaml: line 8: launch/disk_gb: 7.9 is too small", "")
    assert found.hint == "at least 8 GB"


def test_a_long_list_is_refused(problems: Judge, changed: Change) -> None:
    names = ", ".join(f"CARD {n}" for n in range(65))
    found = problems(changed("gpu_names: []", f"gpu_names: [{names}]"))
    assert "65 entries" in found.problems[0].what


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("env: VAST_API_KEY", "env: 0123456789abcdef0123456789abcdef"),
        ("env: VAST_API_KEY", "env: rnd_0123456789abcdef"),
        ("env: VAST_API_KEY", "env: X_0123456789abcdef"),
        ("https://console.vast.ai", "https://me:0123456789abcdef@vast.example"),
        ("https://console.vast.ai", "https://vast.example?api_key=0123456789abcdef"),
        ("  key:\n    env: VAST_API_KEY", "  key: 0123456789abcdef"),
        ("  key:\n    env: VAST_API_KEY", "  api_key: 0123456789abcdef"),
    ],
)
def test_a_key_pasted_in_the_wrong_place_is_not_repeated(problems: Judge, changed: Change, old: str, new: str) -> None:
    found = problems(changed(old, new))
    assert "0123456789abcdef" not in found.summary + found.detail + found.hint
