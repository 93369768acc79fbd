#!/usr/bin/env python3
"""A small tea house and its sidecar: uriba's protocol 1 in one file, with nothing but the standard library.

The shop is a JSON file: items with a counter, and orders. The sidecar translates between that and the protocol
(docs/sidecar.md). For a shop of your own keep `Handler` as it is, and write the functions of `ANSWERS` anew.
"""

import argparse, contextlib, datetime, fcntl, hmac, http.server, json, os, sys, time

PROTOCOL = 1
PAGE = 50
COUNT_MAX = 999_999_999
BODY_BYTES_MAX = 1 << 20
NEW_SHOP = '{"name": "tea-house", "items": {"tea-sencha": {"count": 12, "title": "Sencha, 100 g"}}, "orders": []}'


class Refused(Exception):
    def __init__(self, status, error_class, message):
        self.status, self.error = status, {"class": error_class, "message": message}


@contextlib.contextmanager
def opened(path):
    """The shop, locked, so that no counter is read, changed and written by two at once."""
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = NEW_SHOP
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                before = file.read()
        shop = json.loads(before)
        yield shop
        after = json.dumps(shop, ensure_ascii=False)
        if after != before:
            with open(path + ".new", "w", encoding="utf-8") as file:
                file.write(after)
            os.replace(path + ".new", path)


def buy(shop, item, units=1):
    """What the shop's own till does: takes the units off the counter and keeps an order."""
    units = int(units)
    if shop["items"].get(item, {"count": 0})["count"] < units:
        sys.exit(f"{item}: not so many there")
    shop["items"][item]["count"] -= units
    number, now = f"T-{len(shop['orders']) + 1:06d}", int(time.time())
    row = {"row": "1", "item": item, "units": units, "cancelled": 0, "sent": 0, "back": 0}
    shop["orders"].append({"number": number, "placed": now, "changed": now, "rows": [row]})
    print(f"{number}: {units} of {item}")


def hello(shop, ask):
    return {"program": "sidecar-python 1.0", "shop": shop["name"]}


def pull(shop, ask):
    """Orders placed or changed within a window, in pages. The hub leaves closed ones out by itself."""
    if "family" in ask:
        found = [order for order in shop["orders"] if ask["family"] in (order["number"], order.get("split_from"))]
    else:
        first, last = seconds(ask["from"]), seconds(ask["to"])
        found = [order for order in shop["orders"] if first <= order["changed"] <= last]
    found = sorted((order for order in found if place(order) > ask.get("page", "")), key=place)
    answer = {"orders": [told(order) for order in found[:PAGE]]}
    if len(found) > PAGE:
        answer["next"] = place(found[PAGE - 1])
    return answer


def orders(shop, ask):
    known, word = {order["number"]: order for order in shop["orders"]}, shop.get("absent_orders_are", "missing")
    absent = [number for number in ask["ids"] if number not in known]
    return {"orders": [told(known[number]) for number in ask["ids"] if number in known], word: absent}


def push(shop, ask):
    return {"outcomes": [{"key": update["key"], **written(shop, **update)} for update in ask["updates"]]}


def written(shop, key, write, handle=None):
    item = shop["items"].get(key)
    if item is None:
        return {"outcome": "refused", "why": "no_such_item"}
    if "compare_and_set" in write and write["compare_and_set"]["from"] != item["count"]:
        return {"outcome": "conflict", "shows": item["count"]}
    if "compare_and_set" in write:
        count = write["compare_and_set"]["to"]
    else:
        count = item["count"] + write["relative"] if "relative" in write else write["absolute"]
    if not 0 <= count <= COUNT_MAX:
        return {"outcome": "refused", "why": "below_zero" if "relative" in write and count < 0 else "out_of_range"}
    item["count"] = count
    return {"outcome": "applied", "now": count}


def read(shop, ask):
    counts = {key: {"quantity": item["count"]} for key, item in shop["items"].items()}
    return {"items": [{"key": item["key"], **counts.get(item["key"], {"missing": True})} for item in ask["items"]]}


def resolve(shop, ask):
    """Keys are small letters here. Counters can be added to, so that no sale is written over."""
    keys = [{"given": given, "key": given.strip().lower()} for given in ask["keys"]]
    return {"keys": [{**key, "write": shop["items"].get(key["key"], {}).get("write", "relative")} for key in keys]}


def tickets(shop, ask):
    """Writes are made at once here, so that no ticket was ever given."""
    return {"tickets": [{"ticket": ticket, "outcome": "unknown"} for ticket in ask["tickets"]]}


def catalogue(shop, ask):
    return {"items": [{"key": key, "title": item.get("title")} for key, item in shop["items"].items()]}


def told(order):
    answer = {"id": order["number"], "placed_at": moment(order["placed"]), "updated_at": moment(order["changed"])}
    if split := order.get("split_from"):
        answer["family"] = {"id": split, "original": split == order["number"]}
    return {**answer, "lines": [line(row) for row in order["rows"]]}


def line(row):
    units = {"ordered": row["units"], "cancelled": row["cancelled"], "shipped": row["sent"], "returned": row["back"]}
    return {"id": row["row"], "key": row["item"], "shipped_at": moment(row.get("sent_at")), **units}


def place(order):
    return f"{order['changed']:012d}/{order['number']}"


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def moment(stamp):
    return stamp and datetime.datetime.fromtimestamp(stamp, datetime.timezone.utc).isoformat()


ANSWERS = {f"/{answer.__name__}": answer for answer in (hello, pull, orders, push, read, resolve, tickets, catalogue)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        try:
            status, body = 200, self.answer()
        except Refused as refused:
            status, body = refused.status, {"error": refused.error}
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            status, body = 400, {"error": {"class": "malformed", "message": repr(error)}}
        except OSError as error:
            self.log_error("%r", error)
            status, body = 500, {"error": {"class": "transient", "applied": "unknown"}}
        text = json.dumps({"protocol": PROTOCOL, **body}).encode()
        self.send_response(status)
        for header, value in [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]:
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(text)

    def answer(self):
        length = max(0, int(self.headers.get("Content-Length", 0)))
        body = self.rfile.read(min(length, BODY_BYTES_MAX))
        self.close_connection |= length > BODY_BYTES_MAX
        # In constant time: how long it takes must not tell how much of a guess is right.
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.bearer):
            raise Refused(401, "auth", "another token is expected")
        ask = json.loads(body)
        if ask["protocol"] != PROTOCOL:
            raise Refused(400, "malformed", f"this program speaks protocol {PROTOCOL}")
        if self.path not in ANSWERS:
            raise Refused(404, "malformed", "the protocol has no such question")
        with opened(self.server.shop) as shop:
            return ANSWERS[self.path](shop, ask)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--shop", default="shop.json", help="the shop's file; made when it isn't there")
    options.add_argument("--port", type=int, default=9000, help="0: a free one")
    options.add_argument("--token-file", help="a file that holds the hub's token")
    options.add_argument("--buy", metavar="ITEM=UNITS", help="place an order and end")
    given = options.parse_args()
    if given.buy:
        with opened(given.shop) as shop:
            return buy(shop, *given.buy.split("="))
    with open(given.token_file or options.error("--token-file is needed to serve"), "rb") as file:
        token = file.read().strip()
    len(token) >= 16 or options.error("a token has at least 16 characters")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.bearer, server.shop = b"Bearer " + token, given.shop
    print(f"listening on http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
