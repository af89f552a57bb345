"""The peer as a process: `peer.py serve NAME` serves, `peer.py call NAME` calls what a line on stdin says.

Lines of JSON on stdin: {"id", "do": "call" | "notify" | "many" | "seen", "method", "params"}.
Lines of JSON on stdout: {"ready": true}, then {"id", "result"} or {"id", "error"}.
"""

import json
import os
import sys
import threading

from broker import Broker, RemoteFault

SERVERS = os.environ["KAFKA_BROKERS"].split(",")


class Methods:
    def __init__(self):
        self.seen = []

    def add(self, a, b):
        return a + b

    def greet(self, name, greeting="hello"):
        return f"{greeting} {name}"

    def echo(self, value):
        return value

    def fail(self):
        raise ValueError("no luck")

    def note(self, text):
        self.seen.append(text)


def tell(message):
    print(json.dumps(message), flush=True)


def send(broker, name, request):
    act = broker.notify if request["do"] == "notify" else broker.call
    params = request.get("params", [])
    if isinstance(params, list):
        return act(name, request["method"], *params)
    return act(name, request["method"], **params)


def many(name, threads, calls):
    """Each thread has a broker of its own and is in position before all begin: a reader begins where any other committed."""
    brokers = [Broker(SERVERS) for _ in range(threads)]
    for broker in brokers:
        broker.call(name, "echo", "first")
    wrong = []

    def work(number):
        for i in range(calls):
            value = f"{number}-{i}"
            if brokers[number].call(name, "echo", value) != value:
                wrong.append(value)

    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return wrong


def main(mode, name):
    methods = Methods()
    broker = Broker(SERVERS)
    if mode == "serve":
        threading.Thread(target=lambda: broker.serve(methods, name), daemon=True).start()
    tell({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if request["do"] == "seen":
                result = methods.seen
            elif request["do"] == "many":
                result = many(name, *request["params"])
            else:
                result = send(broker, name, request)
            tell({"id": request["id"], "result": result})
        except RemoteFault as remote:
            tell({"id": request["id"], "error": remote.error})


main(*sys.argv[1:])
