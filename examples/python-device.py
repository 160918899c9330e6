#!/usr/bin/python3
"""A device in raw gRPC: says hello, pushes one room, and prints what it is sent until it has everything.

    SYNC_COORDINATOR_URL=http://127.0.0.1:4402 FUNKYGIBBON_TOKEN=... /usr/bin/python3 examples/python-device.py [--room NAME]

Needs python3-grpcio and python3-protobuf (Debian: apt-get install python3-grpcio python3-protobuf). The messages come from
a descriptor set, so nothing is generated: `npx buf build -o funkygibbon.binpb`, or --descriptors FILE. Prints one JSON
object per line; exit code 0 when up to date, 1 when something failed, 77 when grpcio is missing.
"""

import argparse
import datetime
import json
import os
import queue
import subprocess
import sys
import tempfile
import time
import uuid
from urllib.parse import urlparse

try:
    import grpc
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as missing:
    print(f"this example needs python3-grpcio and python3-protobuf: {missing}", file=sys.stderr)
    sys.exit(77)

REPOSITORY = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def load_messages(descriptors):
    """Message classes by full name, from a file descriptor set; built by buf when no file is given."""
    with tempfile.TemporaryDirectory() as folder:
        if descriptors is None:
            descriptors = os.path.join(folder, "funkygibbon.binpb")
            buf = os.path.join(REPOSITORY, "node_modules", ".bin", "buf")
            subprocess.run([buf, "build", "-o", descriptors], cwd=REPOSITORY, check=True)
        with open(descriptors, "rb") as file:
            files = descriptor_pb2.FileDescriptorSet.FromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for one in files.file:
        pool.Add(one)
    factory = message_factory.MessageFactory(pool)
    return lambda name: factory.GetPrototype(pool.FindMessageTypeByName(name))


def say(**facts):
    print(json.dumps(facts), flush=True)


def room_change(message, device, sequence, name):
    """A room, as an edit of this device: `<timestamp>-<device>-<sequence>` names it for ever."""
    now = datetime.datetime.now(datetime.timezone.utc)
    timestamp = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    change = message("funkygibbon.entity.v1.Change")(
        record_id=str(uuid.uuid4()), version=f"{timestamp}-{device}-{sequence:06d}"
    )
    change.entity.type = 2  # ENTITY_TYPE_ROOM
    change.entity.source = 1  # SOURCE_TYPE_MANUAL
    change.entity.body_json = json.dumps({"name": name})
    return change


def run(options):
    message = load_messages(options.descriptors)
    request = message("inbetweenies.v1.SyncStreamRequest")
    response = message("inbetweenies.v1.SyncStreamResponse")
    outgoing = queue.Queue()

    address = urlparse(options.url).netloc
    channel = grpc.secure_channel(address, grpc.ssl_channel_credentials()) if options.url.startswith("https:") else grpc.insecure_channel(address)
    stream = channel.stream_stream(
        "/inbetweenies.v1.SyncService/SyncStream",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )
    hello = request()
    hello.hello.protocol_version = "inbetweenies-v1"
    hello.hello.device_id = options.device
    hello.hello.device_time_us = time.time_ns() // 1000
    hello.hello.metadata.client_version = "python-device/0.1.0"
    hello.hello.metadata.platform = "python"
    outgoing.put(hello)

    answered = options.room is None
    frames = stream(iter(outgoing.get, None), metadata=[("authorization", f"Bearer {options.token}")], timeout=options.timeout)
    for frame in frames:
        kind = frame.WhichOneof("frame")
        if kind == "welcome":
            say(event="welcome", household=frame.household_id, role=frame.welcome.role, head_seq=frame.welcome.head_seq)
            if options.room is not None:
                push = request()
                push.push.push_id = 1
                push.push.household_id = frame.household_id
                push.push.epoch = frame.epoch
                push.push.device_time_us = time.time_ns() // 1000
                sequence = frame.welcome.highest_sequence + 1
                push.push.changes.append(room_change(message, options.device, sequence, options.room))
                outgoing.put(push)
        elif kind == "push_result":
            for outcome in frame.push_result.outcomes:
                say(event="answered", record=outcome.record_id, outcome=outcome.outcome, head_seq=outcome.head_seq)
            answered = True
        elif kind == "changes":
            for record in frame.changes.records:
                if record.WhichOneof("record") == "own":
                    say(event="own", record=record.own.record_id, seq=record.own.seq)
                else:
                    version = record.version
                    say(event="record", record=version.record_id, seq=version.seq, deleted=version.deleted, body=version.entity.body_json)
            ack = request()
            ack.ack.frame_id = frame.changes.frame_id
            ack.ack.cursor = frame.changes.cursor
            outgoing.put(ack)
        elif kind == "up_to_date":
            say(event="up_to_date", head_seq=frame.up_to_date.head_seq, digest=f"{frame.up_to_date.digest:016x}")
            if answered:
                break
        elif kind == "go_away":
            raise RuntimeError(f"go away: {frame.go_away.message}")
    outgoing.put(None)
    frames.cancel()
    channel.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default=os.environ.get("SYNC_COORDINATOR_URL", "http://127.0.0.1:4402"))
    parser.add_argument("--device", default=f"python-{uuid.uuid4().hex[:8]}")
    parser.add_argument("--room", help="push a room of this name")
    parser.add_argument("--descriptors", help="a descriptor set made by buf build")
    parser.add_argument("--timeout", type=float, default=30, help="seconds until it gives up")
    options = parser.parse_args()
    options.token = os.environ.get("FUNKYGIBBON_TOKEN", "")
    try:
        run(options)
    except grpc.RpcError as error:
        print(f"python-device: {error.code().name}: {error.details()}", file=sys.stderr)
        sys.exit(1)
    except RuntimeError as error:
        print(f"python-device: {error}", file=sys.stderr)
        sys.exit(1)


main()
