"""What all rules share: the checked configuration, and how to ask for a competition's files."""

from catscan.common import leader
from catscan.flow import asked_once
from catscan.flow import clean
from catscan.flow import closing
from catscan.flow import cluster
from catscan.flow import config as catscan_config
from catscan.flow import fewer_requests
from catscan.flow import going_back
from catscan.flow import gpus
from catscan.flow import opening
from catscan.flow import pods
from catscan.flow import records
from catscan.flow import remote
from catscan.flow import sources
from catscan.flow import stage_strings
from catscan.flow import why

config = catscan_config.load(config, HERE / "workflow/schemas/config.schema.yaml")
RUN = config["run"]
GPUS = gpus.count()
IS_CLUSTER = workflow.nodes is not None
# One training job a GPU of this machine; without this line an undeclared limit is no limit. A cluster counts its own.
if workflow.is_main_process and not IS_CLUSTER:
    workflow.global_resources.setdefault("gpu", GPUS)


# Snakemake reads the workflow again for some jobs: said once.
if workflow.is_main_process:
    opening.remember_command()
    terminal.WORDS.at_rest = lambda: workflow.dryrun or closing.end(config, Path("results"), HERE)
    opening.tell(config, Path("results"), None if IS_CLUSTER else workflow.cores)


leader.lead()


asked_once.use()
fewer_requests.use(workflow)
pods.read_their_own_logs()
# Each output's stage string lies beside it, and is what the plan compares: also without `.snakemake`.
records.keep_beside_outputs(workflow)
records.PLANNED.append(why.keep_changes)
records.PLANNED.append(cluster.name_jobs)
records.PLANNED.append(going_back.tell_jobs_what_is_forced)
# What an earlier job made of the same comes back from the store.
FROM_STORE = going_back.use(workflow, config["cache"])


wildcard_constraints:
    competition=catscan_config.one_of(config["competitions"]),
    split="train|test",
    reading=catscan_config.one_of(catscan_config.reading_names(config)),
    network=catscan_config.one_of(catscan_config.pretrained_names(config)),
    shard=r"\d+",
    shards=r"\d+",
    fold=r"\d+",


# To where the jobs of a run in a bucket compute, the raw files travel as one.
PACKED = "results/{competition}/raw.tar" if remote.is_used(workflow) else []


def every(output, **values):
    """The files of a rule's output for these values of its wildcards, as `expand` gives them of a pattern."""
    return expand(remote.as_written(workflow, output), **values)


def beside(*files):
    """Files that a stage finds beside its inputs on the disk: from a storage they have to be brought."""
    return files if remote.is_used(workflow) else []


def of(wildcards):
    """The configuration of the rule's competition."""
    return config["competitions"][wildcards.competition]


def arrays_of(competition, *splits, ending="npy", folder="arrays"):
    """The arrays of all shards of a competition's splits, in order; or their sidecars, which end in json."""
    shards = config["competitions"][competition]["index"]["shards"]
    numbers = range(1, shards + 1)
    return [
        f"results/{competition}/{folder}/{split}-{i}-of-{shards}.{ending}"
        for split in splits
        for i in numbers
    ]


def all_arrays_of(competition, *splits, ending="npy"):
    """The arrays of all ways in which a competition's samples are read; or their sidecars, which end in json."""
    return [
        path
        for reading in catscan_config.readings(config["competitions"][competition])
        for path in arrays_of(competition, *splits, ending=ending, folder=f"arrays{reading}")
    ]


def per_fold_of(competition, pattern):
    """``pattern`` for every model and fold of a competition."""
    described = config["competitions"][competition]
    models, folds = catscan_config.models(described), catscan_config.folds(described)
    return every(pattern, competition=competition, model=models, fold=folds)


def trained(competition):
    """Model and fold of each file of `per_fold_of`, in its order."""
    described = config["competitions"][competition]
    return [
        (model, fold)
        for model in catscan_config.models(described)
        for fold in catscan_config.folds(described)
    ]


def models_per_fold(wildcards):
    """Params function: the model of each file of `per_fold`."""
    return [model for model, _ in trained(wildcards.competition)]


def folds_per_fold(wildcards):
    """Params function: the fold of each file of `per_fold`."""
    return [fold for _, fold in trained(wildcards.competition)]


def learnt_from(split, ending="npy"):
    """Input function: what the model sees of one split, its arrays or the features of pretrained networks."""
    return lambda wildcards: samples_of(wildcards.competition, wildcards.model, split, ending)


def samples_of(competition, model, split, ending="npy"):
    """The shards of one split that a model sees, in order; or their sidecars, which end in json."""
    described = config["competitions"][competition]
    settings = catscan_config.model_named(described, model)
    reading, networks = catscan_config.reading(described, settings), settings["features"]
    folders = [f"features{reading}/{network}" for network in networks] or [f"arrays{reading}"]
    return [
        path
        for folder in folders
        for path in arrays_of(competition, split, ending=ending, folder=folder)
    ]


def features_of(competition):
    """The features that the models of a competition learn from."""
    models = catscan_config.models(config["competitions"][competition])
    return [
        samples_of(competition, model, split)
        for model, settings in models.items()
        for split in ("train", "test")
        if settings["features"]
    ]


def own_weights(wildcards):
    """Input function: the file of a user's own pretrained weights, where the network is such a one."""
    own = of(wildcards)["weights"].get(wildcards.network)
    return [own["file"]] if own else []


def foreign(file):
    """Input function: the files of the blend's foreign members, `out_of_fold` or `test`."""
    return lambda wildcards: [member[file] for member in of(wildcards)["blend"]]


def per_fold(pattern):
    """Input function: ``pattern`` for every model and fold."""
    return lambda wildcards: per_fold_of(wildcards.competition, pattern)
