"""Examples of the API's document: how somebody signs in or registers."""

from __future__ import annotations

from typing import Any

NONCE = "3f9c1a77d2e84b60"
RESIDENT = "01990e2c-7d10-7a41-9c55-6b0a2f3e8d11"
HOUSEHOLD = "01990e2c-7d10-7a41-9c55-6b0a2f3e8d12"
LOGIN_CODE: dict[str, Any] = {"phone": "13800000000", "client_nonce": NONCE}
CODE_SENT: dict[str, Any] = {"minutes": 5}
VERIFY: dict[str, Any] = LOGIN_CODE | {"code": "402617"}
VERIFIED: dict[str, Any] = {
    "proof": "IjEzODAwMDAwMDAwIg.aSVz4A.0kq1",
    "choices": [
        {
            "id": RESIDENT,
            "kind": "resident",
            "name": "王秀英",
            "place": "清波门社区",
            "role": "resident",
        }
    ],
}
REGISTER: dict[str, Any] = {
    "proof": VERIFIED["proof"],
    "name": "沈丽萍",
    "community": 330102001051,
    "consent": True,
    "is_fourteen": True,
}
REGISTERED: dict[str, Any] = {"resident": RESIDENT, "household": HOUSEHOLD, "exists": False}
CHOOSE: dict[str, Any] = {"proof": VERIFIED["proof"], "id": RESIDENT, "label": "小程序"}
TOKEN: dict[str, Any] = {
    "token": "q6J0ovXbS2mJ7c1yP4",
    "sign_in": "01990e2c-7d10-7a41-9c55-6b0a2f3e8d13",
    "role": "resident",
    "expires_at": "2027-05-23T02:00:00+00:00",
}
