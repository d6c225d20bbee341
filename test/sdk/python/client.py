"""Drives Flagsmith's Python SDK for the tests in test/sdk: reads requests, one
JSON object a line, and answers each with one line. The contract is in the
documentation of package sdk."""

import importlib.metadata
import json
import platform
import sys

from flagsmith import Flagsmith
from flagsmith.analytics import EventProcessorConfig
from flagsmith.models import DefaultFlag

clients = {}


def about(request):
    return {
        "sdk": "flagsmith",
        "version": importlib.metadata.version("flagsmith"),
        "runtime": f"Python {platform.python_version()}",
    }


def open_client(request):
    o = request["options"]
    local = o.get("local", False)
    default = o.get("default")
    chosen = {}
    if default:
        chosen["default_flag_handler"] = lambda name: DefaultFlag(
            enabled=default["enabled"], value=default["value"]
        )
    if local:
        chosen["environment_refresh_interval_seconds"] = o["refresh_ms"] / 1000
    if o.get("realtime_url"):
        chosen["realtime_api_url"] = o["realtime_url"]
        chosen["enable_realtime_updates"] = True
    if o.get("events_url"):
        chosen["enable_events"] = True
        chosen["event_processor_config"] = EventProcessorConfig(
            events_api_url=o["events_url"]
        )
    clients[request["client"]] = Flagsmith(
        environment_key=o["key"],
        api_url=o["url"],
        enable_local_evaluation=local,
        enable_analytics=o.get("analytics", False),
        **chosen,
    )


def flags(request):
    client = clients[request["client"]]
    identity = request.get("identity")
    if identity:
        found = client.get_identity_flags(
            identity["identifier"],
            traits_of(identity),
            transient=identity.get("transient", False),
        )
    else:
        found = client.get_environment_flags()
    if request.get("features") is None:
        return [shown(flag.feature_name, flag) for flag in found.all_flags()]
    return [shown(name, found.get_flag(name)) for name in request["features"]]


def segments(request):
    client, identity = clients[request["client"]], request["identity"]
    traits = {key: plain(value) for key, value in traits_of(identity).items()}
    return [s.name for s in client.get_identity_segments(identity["identifier"], traits)]


def experiment(request):
    client, identity = clients[request["client"]], request["identity"]
    flag = client.get_experiment_flag(
        request["features"][0], identity["identifier"], traits_of(identity)
    )
    return shown(flag.feature_name, flag) | {"variant": flag.variant}


def track(request):
    client, identity = clients[request["client"]], request["identity"]
    client.track_event(
        request["event"],
        identifier=identity["identifier"],
        value="19.90",
        traits=traits_of(identity),
        metadata={"currency": "EUR"},
    )


def flush_events(request):
    # Otherwise the SDK sends within ten seconds.
    clients[request["client"]]._event_processor.flush()


def flush(request):
    # Otherwise the SDK sends with the first evaluation ten seconds later.
    clients[request["client"]]._analytics_processor.flush()


def close(request):
    clients.pop(request["client"]).__del__()  # which ends its threads


def traits_of(identity):
    return {
        trait["key"]: {"value": trait["value"], "transient": True}
        if trait.get("transient")
        else trait["value"]
        for trait in identity.get("traits") or []
    }


def plain(value):
    return value["value"] if isinstance(value, dict) else value


def shown(name, flag):
    return {"name": name, "enabled": flag.enabled, "value": flag.value}


def told(error):
    """An error with its cause, in which the SDK tells the status."""
    return f"{error}: {error.__cause__}" if error.__cause__ else str(error)


calls = {
    "about": about,
    "open": open_client,
    "flags": flags,
    "segments": segments,
    "experiment": experiment,
    "track": track,
    "flush_events": flush_events,
    "flush": flush,
    "close": close,
}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = {"result": calls[request["call"]](request)}
    except Exception as error:  # whatever the SDK raises is the answer
        answer = {"error": told(error)}
    print(json.dumps(answer), flush=True)
