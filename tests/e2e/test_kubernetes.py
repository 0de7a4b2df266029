"""deploy/kubernetes without a cluster: what its files say of each other, of the image and of the program; and the headless run as processes."""

import os
import re
import subprocess

import pytest
import yaml
from conftest import PROGRAM, ROOT, Scripted, clean_environment, free_port

FOLDER = ROOT / "deploy/kubernetes"
VARIANTS = {"web": FOLDER, "headless": FOLDER / "headless"}
LOCUST_IMAGE = "locustio/locust:2.47.0"

# The keys that deliveryhero/locust 0.35.0 reads and helm-values.yaml may set: of its values.yaml, and extraVolumes as Kubernetes has them.
CHART = "0.35.0"
CHART_KEYS = {
    "loadtest": {"name", "locust_locustfile", "locust_locustfile_path", "locust_locustfile_configmap", "locust_lib_configmap", "locust_host",
                 "pip_packages", "environment", "environment_secret", "headless", "tags", "excludeTags", "locustCmd"},
    "image": {"repository", "tag", "pullPolicy"},
    "service": {"type", "annotations", "extraLabels", "port", "targetPort"},
    "master": {"image", "logLevel", "replicas", "resources", "environment", "args", "command", "initContainers", "strategy", "readinessProbe",
               "livenessProbe", "restartPolicy", "nodeSelector", "tolerations", "affinity", "extraVolumes", "extraVolumeMounts"},
    "worker": {"image", "logLevel", "replicas", "hpa", "keda", "resources", "ports", "envs_include_default", "environment", "args", "command",
               "initContainers", "strategy", "restartPolicy", "nodeSelector", "tolerations", "affinity", "extraVolumes", "extraVolumeMounts"},
    "podSecurityContext": None,  # as Kubernetes has it
    "securityContext": None,
    "extraConfigMaps": None,
    "extraLabels": None,
}
# What it sets in its workers by itself.
CHART_WORKER_ENVIRONMENT = {"LOCUST_HOST", "LOCUST_MASTER_NODE_HOST", "LOCUST_MASTER_NODE_PORT"}
CHART_MOUNT = "/mnt/locust"


def loaded(path):
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def kustomization(folder):
    return loaded(folder / "kustomization.yaml")[0]


def objects(folder):
    """What `kubectl apply -k` makes of the folder, before names and images are replaced."""
    made = []
    for name in kustomization(folder)["resources"]:
        path = folder / name
        made += objects(path.resolve()) if path.is_dir() else loaded(path)
    return made


def generated(folder):
    """Its config maps: name -> {key: text}."""
    made = {}
    for one in kustomization(folder).get("configMapGenerator", []):
        made[one["name"]] = {name: (folder / name).read_text() for name in one.get("files", [])}
        made[one["name"]] |= dict(literal.split("=", 1) for literal in one.get("literals", []))
    for name in kustomization(folder)["resources"]:
        if (folder / name).is_dir():
            made |= generated((folder / name).resolve())
    return made


def find(variant, kind, name):
    return next(o for o in objects(VARIANTS[variant]) if o["kind"] == kind and o["metadata"]["name"] == name)


def pods(variant):
    """name -> pod template of each Deployment and Job."""
    return {o["metadata"]["name"]: o["spec"]["template"] for o in objects(VARIANTS[variant]) if o["kind"] in ("Deployment", "Job")}


def container(variant, name):
    return pods(variant)[name]["spec"]["containers"][0]


@pytest.fixture(scope="module")
def worker_help():
    return subprocess.run([PROGRAM, "worker", "--help-all"], capture_output=True, text=True, check=True).stdout


def check_options(words, worker_help):
    known = set(re.findall(r"(?<![\w-])--[a-z-]+", worker_help))
    options = [word for word in map(str, words) if word.startswith("--")]
    assert set(options) <= known
    return options


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_object_is_whole_and_there_is_one_of_each(variant):
    made = objects(VARIANTS[variant])
    names = [(o["kind"], o["metadata"]["name"]) for o in made]
    assert len(set(names)) == len(names)
    assert {kind for kind, _ in names} == {"Namespace", "Service", "NetworkPolicy", "Deployment" if variant == "web" else "Job"}
    groups = {"Namespace": "v1", "Service": "v1", "NetworkPolicy": "networking.k8s.io/v1", "Deployment": "apps/v1", "Job": "batch/v1"}
    for o in made:
        assert o["apiVersion"] == groups[o["kind"]]
        assert o["kind"] == "Namespace" or o["spec"]
    assert kustomization(VARIANTS[variant])["namespace"] == find(variant, "Namespace", "squadload")["metadata"]["name"]
    assert set(pods(variant)) == {"locust-master", "squadload-worker"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_labels_and_ports_find_each_other(variant):
    for name, pod in pods(variant).items():
        assert pod["metadata"]["labels"] == {"app": name}
        whole = next(o for o in objects(VARIANTS[variant]) if o["metadata"]["name"] == name and o["kind"] in ("Deployment", "Job"))
        if whole["kind"] == "Deployment":
            assert whole["spec"]["selector"]["matchLabels"] == {"app": name}
    ports = {p["name"]: p["containerPort"] for p in container(variant, "locust-master")["ports"]}
    assert ports == {"workers": 5557} | ({"web": 8089} if variant == "web" else {})
    service = find(variant, "Service", "locust-master")["spec"]
    assert service["selector"] == {"app": "locust-master"}
    assert {p["name"]: p["port"] for p in service["ports"]} == {"workers": 5557, "web": 8089}
    assert all(p["targetPort"] == p["name"] for p in service["ports"])
    policy = find(variant, "NetworkPolicy", "locust-master")["spec"]
    assert policy["podSelector"]["matchLabels"] == {"app": "locust-master"}
    assert policy["ingress"][0]["from"] == [{"podSelector": {"matchLabels": {"app": "squadload-worker"}}}]
    assert [rule["ports"] for rule in policy["ingress"]] == [[{"port": "workers"}], [{"port": "web"}]]
    worker = container(variant, "squadload-worker")
    environment = {e["name"]: e.get("value") for e in worker["env"]}
    assert environment["LOCUST_MASTER_NODE_HOST"] == "locust-master"
    assert environment["LOCUST_MASTER_NODE_PORT"] == "5557"
    health = worker["args"][worker["args"].index("--health-port") + 1]
    assert [{"name": "health", "containerPort": int(health)}] == worker["ports"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_nobody_is_root_and_everybody_has_bounds(variant):
    for name, pod in pods(variant).items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not any(key.startswith("host") for key in spec), name
        one, = spec["containers"]
        assert one["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert one["resources"]["requests"] == one["resources"]["limits"]
        assert re.fullmatch(r"[1-9]\d*", one["resources"]["limits"]["cpu"]), "whole cores"
        assert one["resources"]["limits"]["memory"]
        mounts, volumes = ({v["name"] for v in part} for part in (one["volumeMounts"], spec["volumes"]))
        assert mounts == volumes
        for probe in ("readinessProbe", "livenessProbe"):
            action = one.get(probe, {})
            port = action.get("httpGet", action.get("tcpSocket", {})).get("port")
            assert port is None or port in {p["name"] for p in one["ports"]}
        assert "livenessProbe" not in one or name != "locust-master"
    # What is in flight may take graceful_stop, 30 s by default.
    assert pods(variant)["squadload-worker"]["spec"]["terminationGracePeriodSeconds"] >= 45


def test_both_variants_have_the_same_workers_and_masters():
    for name in ("locust-master", "squadload-worker"):
        web, headless = (pods(v)[name]["spec"] for v in VARIANTS)
        assert headless.pop("restartPolicy") == "Never"
        for spec in (web, headless):
            if name == "locust-master":
                one = spec["containers"][0]
                for key in ("args", "envFrom", "ports", "readinessProbe"):
                    one.pop(key)
        assert web == headless
    expected = int(generated(VARIANTS["headless"])["load"]["LOCUST_EXPECT_WORKERS"])
    job = find("headless", "Job", "squadload-worker")["spec"]
    assert job["parallelism"] == job["completions"] == expected
    assert int(generated(VARIANTS["headless"])["load"]["LOCUST_USERS"]) >= expected
    assert find("headless", "Job", "locust-master")["spec"]["backoffLimit"] == 0
    replicas, = kustomization(FOLDER)["replicas"]
    assert replicas == {"name": "squadload-worker", "count": find("web", "Deployment", "squadload-worker")["spec"]["replicas"]}
    assert find("web", "Deployment", "locust-master")["spec"]["replicas"] == 1


def test_images_are_those_of_the_dockerfile_and_the_compose_file():
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    user, folder = re.search(r"useradd .*--uid (\d+) --home-dir (\S+)", dockerfile).groups()
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["x-image"]["image"]
    for variant, folder_of in VARIANTS.items():
        worker = container(variant, "squadload-worker")
        assert worker["image"] == f"{compose}:latest"
        assert worker["command"][0] in re.search(r"CMD (.*)", dockerfile)[1]
        assert pods(variant)["squadload-worker"]["spec"]["securityContext"]["runAsUser"] == int(user)
        assert worker["args"][worker["args"].index("--output-dir") + 1].startswith(folder + "/")
        assert container(variant, "locust-master")["image"] == LOCUST_IMAGE
        images = {i["name"]: i["newTag"] for i in kustomization(folder_of)["images"]}
        assert images == {"locustio/locust": LOCUST_IMAGE.split(":")[1], compose: "latest"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_maps_have_what_the_pods_read(variant):
    maps = generated(VARIANTS[variant])
    for pod in pods(variant).values():
        one = pod["spec"]["containers"][0]
        for source in one.get("envFrom", []):
            assert source["configMapRef"]["name"] in maps
        for volume in pod["spec"]["volumes"]:
            assert volume.get("configMap", {"name": "scenario"})["name"] in maps
        for word in one["args"]:
            if word.startswith("/scenario/"):
                assert word.removeprefix("/scenario/") in maps["scenario"]
    assert maps["scenario"]["load_testing.yaml"] == (ROOT / "config/load_testing.yaml").read_text()
    assert maps["target"]["LOCUST_HOST"].startswith("http://")
    scenarios = yaml.safe_load(maps["scenario"]["load_testing.yaml"])["scenarios"]
    arguments = container(variant, "squadload-worker")["args"]
    assert arguments[arguments.index("--scenario") + 1] in scenarios


def test_the_masters_file_is_what_the_program_prints():
    arguments = container("web", "squadload-worker")["args"]
    printed = subprocess.run([PROGRAM, "locustfile", "--config", FOLDER / "base/load_testing.yaml", "--scenario",
                              arguments[arguments.index("--scenario") + 1]],
                             env=clean_environment(), capture_output=True, text=True, check=True).stdout
    assert printed == (FOLDER / "base/locustfile.py").read_text()


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_program_has_the_options_and_variables(variant, worker_help):
    worker = container(variant, "squadload-worker")
    assert len(check_options(worker["args"], worker_help)) >= 4
    # --workers is the option of SQUADLOAD_WORKERS.
    assert "--workers" in worker_help
    assert {e["name"] for e in worker["env"]} == {"LOCUST_MASTER_NODE_HOST", "LOCUST_MASTER_NODE_PORT", "SQUADLOAD_WORKERS"}
    for name in ("LOCUST_MASTER_NODE_HOST", "LOCUST_MASTER_NODE_PORT"):
        assert name in worker_help


def test_helm_values_are_keys_of_the_chart():
    text = (FOLDER / "helm-values.yaml").read_text()
    assert f"deliveryhero/locust {CHART}" in text
    for key, value in yaml.safe_load(text).items():
        known = CHART_KEYS[key]
        assert known is None or set(value) <= known, key
    assert f"--version {CHART} --values deploy/kubernetes/helm-values.yaml" in (ROOT / "docs/scale-out.md").read_text()


def test_helm_values_start_our_worker_and_a_stock_master(worker_help):
    values = yaml.safe_load((FOLDER / "helm-values.yaml").read_text())
    image, master, worker = values["image"], values["master"], values["worker"]
    assert f"{image['repository']}:{image['tag']}" == LOCUST_IMAGE
    assert not {"image", "command", "args"} & set(master)
    assert worker["image"] == container("web", "squadload-worker")["image"]
    assert worker["command"] == container("web", "squadload-worker")["command"]
    check_options(["--worker", *worker["args"]], worker_help)  # the chart puts it in front
    assert worker["args"][worker["args"].index("--config") + 1] == f"{CHART_MOUNT}/load_testing.yaml"
    assert values["loadtest"]["locust_locustfile"] == "locustfile.py"
    assert {"LOCUST_MASTER_NODE_HOST", "LOCUST_MASTER_NODE_PORT"} < CHART_WORKER_ENVIRONMENT
    for part in (master, worker):
        assert part["resources"]["requests"] == part["resources"]["limits"]
    assert worker["environment"]["SQUADLOAD_WORKERS"] == worker["resources"]["limits"]["cpu"]
    assert {m["mountPath"] for m in worker["extraVolumeMounts"]} == {worker["args"][worker["args"].index("--output-dir") + 1]}


def as_process(one, port, folder, **variables):
    """The container as a process of this machine: its command, arguments and variables, with this machine's paths, addresses and ports."""
    here = {"/scenario": str(FOLDER / "base"), "/work/reports": str(folder / "reports"), CHART_MOUNT: str(FOLDER / "base"),
            "locust-master": "127.0.0.1", "5557": str(port), "8090": str(free_port())}
    words = []
    for word in one["args"]:
        for there, path in here.items():
            word = path if word == there else word.replace(there + "/", path + "/")
        words.append(word)
    environment = clean_environment(variables)
    for variable in one.get("env", []):
        value = variable.get("value") or one["resources"]["limits"]["cpu"]
        environment[variable["name"]] = here.get(value, value)
    for source in one.get("envFrom", []):
        environment = generated(VARIANTS["headless"])[source["configMapRef"]["name"]] | environment
    folder.mkdir(exist_ok=True)
    command = ["/usr/bin/python3", "-m", "locust", "--master-bind-port", str(port)] if "locust" in one["image"] else [PROGRAM, *one["command"][1:]]
    environment.pop("LOCUST_EXPECT_WORKERS_MAX_WAIT", None)  # newer than Debian's
    with (folder / "log").open("wb") as log:
        return subprocess.Popen([*command, *words], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


@pytest.mark.parametrize("kind", ["manifests", "chart"])
def test_a_headless_run_as_processes(kind, tmp_path):
    """The master and both workers find each other, the target is the config map's variable, everybody ends by themselves."""
    target = Scripted(tmp_path / "target")
    port = free_port()
    worker = container("headless", "squadload-worker")
    if kind == "chart":
        values = yaml.safe_load((FOLDER / "helm-values.yaml").read_text())["worker"]
        set_by_chart = [{"name": "LOCUST_MASTER_NODE_HOST", "value": "locust-master"}, {"name": "LOCUST_MASTER_NODE_PORT", "value": "5557"}]
        worker = {"image": values["image"], "command": values["command"], "args": ["--worker", *values["args"]], "resources": values["resources"],
                  "env": set_by_chart + [{"name": n, "value": v} for n, v in values["environment"].items()]}
    processes = [as_process(worker, port, tmp_path / f"worker{i}") for i in range(2)]
    master = as_process(container("headless", "locust-master"), port, tmp_path / "master", LOCUST_HOST=target.url, LOCUST_RUN_TIME="4s")
    try:
        assert master.wait(60) in (0, 1)  # what the target answers is not the point
        for i, process in enumerate(processes):
            log = (tmp_path / f"worker{i}/log").read_text()
            assert process.wait(30) == 0, log
            assert list((tmp_path / f"worker{i}/reports").glob("load_test_metrics_*.json")), log
        log = (tmp_path / "master/log").read_text()
        assert "Traceback" not in log, log
        assert "2 workers connected" in log or "2 clients" in log or len(re.findall("reported as ready", log)) == 2, log
        # 30 requests a second in all, for four seconds.
        assert 60 < len(target.arrivals()) < 160
    finally:
        for process in (master, *processes):
            if process.poll() is None:
                process.kill()
            process.wait()
        target.stop()


def test_every_folder_is_read():
    files = {p.relative_to(FOLDER).as_posix() for p in FOLDER.rglob("*") if p.is_file()}
    read = {"README.md", "helm-values.yaml", "kustomization.yaml", "base/kustomization.yaml", "headless/kustomization.yaml"}
    for folder in (FOLDER, FOLDER / "base", FOLDER / "headless"):
        for name in kustomization(folder)["resources"]:
            if (folder / name).is_file():
                read.add(os.path.relpath(folder / name, FOLDER))
        for one in kustomization(folder).get("configMapGenerator", []):
            read |= {os.path.relpath(folder / name, FOLDER) for name in one.get("files", [])}
    assert files == read
