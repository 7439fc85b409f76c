"""A key whose login wants a second factor has words and a hint of its own, whatever the status."""

from __future__ import annotations

import pytest

from ert_deploy.core.model.errors import UsageError
from ert_deploy.providers.vast.errors import refuse_bad_key


@pytest.mark.parametrize("text", ["2FA required", "tfa expired", "Two-factor authentication needed", "two factor"])
@pytest.mark.parametrize("code", ["auth_error", "forbidden"])
def test_a_second_factor_is_named(text: str, code: str) -> None:
    with pytest.raises(UsageError, match="wants a second factor for this key") as refused:
        refuse_bad_key({"error": code, "msg": text})
    assert "make an API key there" in refused.value.hint


@pytest.mark.parametrize("text", ["This action requires login.", "a factor of two", "2faces"])
def test_other_refusals_keep_their_words(text: str) -> None:
    refuse_bad_key({"error": "forbidden", "msg": text})
    with pytest.raises(UsageError, match="does not accept the key"):
        refuse_bad_key({"error": "auth_error", "msg": text})
