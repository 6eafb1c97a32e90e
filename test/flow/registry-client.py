"""Confluent's own client for Python against a hub: registers, writes to Kafka, and reads what the hub wrote.

Arguments: registry URL, brokers. Prints one JSON object.
"""
import json
import sys
import time

from confluent_kafka import Consumer, Producer
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

url, brokers = sys.argv[1:3]
registry = SchemaRegistryClient({"url": url})

avro_text = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "id", "type": "long"}, {"name": "item", "type": "string"}],
    }
)
json_text = json.dumps(
    {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Order",
        "type": "object",
        "properties": {"id": {"type": "integer"}, "item": {"type": "string"}},
        "required": ["id"],
    }
)


def message_class(package, name, fields):
    """A message class made at run time: name -> (number, type)."""
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}_{name}.proto", package=package, syntax="proto3")
    message = file.message_type.add(name=name)
    for field, (number, kind) in fields.items():
        message.field.add(name=field, number=number, type=kind, label=1)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))


text, double, int64 = 9, 1, 3
order_class = message_class("shop", "Order", {"id": (1, int64), "item": (2, text)})
reading_class = message_class("plant", "Reading", {"device": (1, text), "celsius": (2, double)})

orders = [{"id": 1, "item": "bolt"}, {"id": 9007199254740993, "item": "nut"}]
producer = Producer({"bootstrap.servers": brokers})
writers = {
    "orders-avro": AvroSerializer(registry, avro_text),
    "orders-json": JSONSerializer(json_text, registry),
    "orders-proto": ProtobufSerializer(order_class, registry),
}
for topic, serializer in writers.items():
    for order in orders:
        value = order
        if topic == "orders-proto":
            value = json_format.ParseDict(order, order_class())
        elif topic == "orders-json":
            # JSON's numbers are doubles.
            value = {**order, "id": min(order["id"], 2**53 - 1)}
        context = SerializationContext(topic, MessageField.VALUE)
        producer.produce(topic, key=topic, value=serializer(value, context))
producer.flush(20)

readers = {
    "readings-avro": AvroDeserializer(registry),
    "readings-json": JSONDeserializer(None, schema_registry_client=registry),
    "readings-proto": ProtobufDeserializer(reading_class, schema_registry_client=registry),
    "readings-header": AvroDeserializer(registry),
}
consumer = Consumer(
    {"bootstrap.servers": brokers, "group.id": "python", "auto.offset.reset": "earliest", "enable.auto.commit": False}
)
consumer.subscribe(list(readers))
read = {topic: [] for topic in readers}
deadline = time.time() + 30
while time.time() < deadline and any(len(values) < 2 for values in read.values()):
    message = consumer.poll(0.5)
    if message is None or message.error():
        continue
    topic = message.topic()
    context = SerializationContext(topic, MessageField.VALUE, message.headers())
    value = readers[topic](message.value(), context)
    if topic == "readings-proto":
        value = json_format.MessageToDict(value, preserving_proto_field_name=True)
    read[topic].append(value)
consumer.close()

subject = "orders-avro-value"
latest = registry.get_latest_version(subject)
wider = json.dumps(
    {
        "type": "record",
        "name": "Order",
        "fields": [{"name": "id", "type": "long"}, {"name": "note", "type": "string"}],
    }
)
facts = {
    "read": read,
    "subjects": sorted(registry.get_subjects()),
    "found": registry.lookup_schema(subject, Schema(avro_text, "AVRO")).version,
    "latest": latest.version,
    "compatible": registry.test_compatibility(subject, Schema(wider, "AVRO")),
    "level": registry.get_compatibility(),
    "deleted": registry.delete_subject("orders-json-value"),
}
try:
    registry.register_schema(subject, Schema(wider, "AVRO"))
except Exception as error:
    facts["refused"] = [error.http_status_code, error.error_code]
registry.set_compatibility(subject, "NONE")
facts["registered"] = registry.register_schema(subject, Schema(wider, "AVRO"))
print(json.dumps(facts))
