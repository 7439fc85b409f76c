"""Expected steps shared by several plans, each as its output text."""

from __future__ import annotations

SECOND_GOES = [
    "Drain 2: requests under way may finish",
    "Retire 2 token=2 1002: replaced",
    "Destroy 2: replaced",
    "ConfirmDeleted 2: seen gone",
]
LATE = "ERT_LLM_BACKEND_URL,ERT_LLM_API_KEY,ERT_LLM_CA_CERT,ERT_LLM_CONFIG_FINGERPRINT"
ADDRESS = "ERT_LLM_BACKEND_URL,ERT_LLM_CA_CERT,ERT_LLM_CONFIG_FINGERPRINT"
POINTERS = "ERT_LLM_BACKEND_URL,ERT_LLM_API_KEY,ERT_LLM_TIMEOUT,ERT_LLM_CA_CERT"
FORECAST = [
    "AddKey: a key of its own",
    f"Publish dash write={LATE}: known after boot",
    "Deploy dash: to take up the new environment",
    "Prove dash: known after boot",
]
DROP = "DropKeys 1: it takes a key that no app is to use"
REKEY = "Publish dash write=ERT_LLM_API_KEY,ERT_LLM_CONFIG_FINGERPRINT: the environment differs"
MOVED = [
    "Deploy dash: to take up the new environment",
    "Prove dash fingerprint: 200 from an old process is no proof",
]
RENT = ["Rent: no backend is there", "AwaitBoot: the one that will be rented", *FORECAST]
UNFIT = "it runs with another image, model, disk, context or guard than in the config"
REPLACE = [f"Rent: instance 1 serves until then: {UNFIT}", *RENT[1:]]
