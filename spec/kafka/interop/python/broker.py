"""JSON-RPC 2.0 in MessagePack over two Kafka topics, as kafka-python pipelines speak it.

A server reads partition 0 of NAME_method_requests, takes records without a key, one at a time, and
answers on method_results with the request's id as the key. A client reads method_results from the
committed offset on until its key comes. Both end at what they don't expect: that is how it is.
"""

import time

import msgpack
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

RESULTS = "method_results"
WORDS = {-32601: "Method not found", -32602: "Invalid params", -32603: "Internal error"}


def fault(code):
    return {"code": code, "message": WORDS[code]}


class RemoteFault(Exception):
    """The answer was an error."""

    def __init__(self, error):
        super().__init__(f"json rpc error: {error}")
        self.error = error


class Broker:
    def __init__(self, servers):
        self.servers = servers
        self.readers = {}
        self.writer = KafkaProducer(
            bootstrap_servers=servers,
            value_serializer=lambda value: msgpack.packb(value, use_bin_type=True),
        )

    def reader(self, topic, group):
        """One consumer a topic and group, on partition 0, made when it is first needed."""
        if (topic, group) not in self.readers:
            consumer = KafkaConsumer(
                bootstrap_servers=self.servers,
                group_id=group,
                auto_offset_reset="earliest",
                enable_auto_commit=False,
                consumer_timeout_ms=100,
                value_deserializer=lambda raw: msgpack.unpackb(raw, raw=False),
            )
            consumer.assign([TopicPartition(topic, 0)])
            self.readers[topic, group] = consumer
        return self.readers[topic, group]

    def receive(self, topic, group, key):
        """The next record with exactly this key; those before it are gone for this reader."""
        reader = self.reader(topic, group)
        while True:
            for record in reader:
                if record.key == key:
                    reader.commit()
                    return record.value

    def call(self, name, method, /, *args, **kwargs):
        return self.send(name, method, True, args, kwargs)

    def notify(self, name, method, /, *args, **kwargs):
        return self.send(name, method, False, args, kwargs)

    def send(self, name, method, answered, args, kwargs):
        body = {"jsonrpc": "2.0", "method": method, "params": kwargs or args}
        if answered:
            body["id"] = str(int(time.time() * 10_000_000))
        sent = self.writer.send(f"{name}_method_requests", value=body)
        self.writer.flush()
        sent.get()
        if not answered:
            return None
        answer = self.receive(RESULTS, "default", body["id"].encode())
        if "result" in answer:
            return answer["result"]
        raise RemoteFault(answer["error"])

    def serve(self, methods, name, group="default"):
        while True:
            self.handle(methods, self.receive(f"{name}_method_requests", group, None))

    def handle(self, methods, request):
        """A request without an id ends the server; one whose id is nil is handled and not answered."""
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        method = getattr(methods, request["method"], None)
        if method is None:
            # What follows is the same as ever: with one param, the answer has a result as well.
            answer["error"] = fault(-32601)
            method = lambda given: given
        try:
            params = request["params"]
            answer["result"] = method(*params) if isinstance(params, list) else method(**params)
        except TypeError:
            answer["error"] = fault(-32602)
        except Exception:
            answer["error"] = fault(-32603)
        if request["id"]:
            self.writer.send(RESULTS, key=request["id"].encode(), value=answer)
