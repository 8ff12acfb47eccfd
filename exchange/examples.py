"""Examples of the API's document: a price that is promised, and the order."""

from __future__ import annotations

from typing import Any

ITEM = "01990e2c-7d10-7a41-9c55-6b0a2f3e8d31"
STATION = "01990e2c-7d10-7a41-9c55-6b0a2f3e8d32"
WANTED: dict[str, Any] = {"lines": [{"item": ITEM, "quantity": 1}]}
QUOTE: dict[str, Any] = {
    "quote": "eyJsIjpbXX0.aSVz4A.9fTq",
    "station": STATION,
    "station_name": "涌金门积分驿站",
    "host": 330102003050,
    "host_name": "涌金门社区",
    "lines": [{"item": ITEM, "name": "土鸡蛋 10 枚", "quantity": 1, "price": 2000}],
    "price": 2000,
    "cost": 2500,
    "rate": 8000,
    "scope": "district",
    "document": "通兑公告 2026 年第 1 号",
    "valid_until": "2026-11-28T02:10:00+00:00",
    "available": 4500,
    "left": 2000,
    "limit": None,
    "obstacle": None,
}
SUBMIT: dict[str, Any] = {"quote": QUOTE["quote"], "shares": []}
ORDERED: dict[str, Any] = {
    "id": "01990e2c-7d10-7a41-9c55-6b0a2f3e8d33",
    "state": "submitted",
    "price": 2000,
    "cost": 2500,
    "submitted_at": "2026-11-28T02:00:00+00:00",
}
