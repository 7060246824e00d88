"""What a controller of the lab serves of a Secret: what it holds, or what was loaded from it before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography import x509

from ingressdoctor.lab.pki import Order, Pki, order_in

NEW = json.dumps({"names": ["www.example.org"], "not_before_days": -10, "not_after_days": 80})
OLD = json.dumps({"names": ["www.example.org"], "not_before_days": -92, "not_after_days": -2})

CASES: list[Any] = [
    pytest.param({"lab.ingressdoctor/issue": NEW}, 80.0, id="what-it-holds"),
    pytest.param({"lab.ingressdoctor/issue": NEW, "lab.ingressdoctor/loaded": OLD}, -2.0, id="what-was-loaded-before"),
    pytest.param({"lab.ingressdoctor/issue": "{"}, None, id="not-an-order"),
    pytest.param({}, None, id="nothing"),
]


@pytest.mark.parametrize(("annotations", "ends"), CASES)
def test_order_in(annotations: dict[str, object], ends: float | None) -> None:
    order = order_in(annotations)

    assert (order.not_after_days if order else None) == ends


def test_the_staging_environment_has_an_authority_of_its_own() -> None:
    issued = Pki().issue(Order(names=("www.example.org",), issuer="letsencrypt-staging"))

    assert "(STAGING)" in x509.load_pem_x509_certificate(issued.certificate_pem).issuer.rfc4514_string()
