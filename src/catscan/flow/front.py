"""What `./run snakemake` runs: Snakemake, with its command line and its config files looked at first.

A bare `snakemake` does the same work, but tells in its own way what it refuses before it has read the Snakefile, and a
dry run of it does not end with what has changed.
"""

import gc
import sys

from catscan.flow import interrupt


def main(arguments: list[str]) -> int:
    """Run Snakemake with ``arguments``; after a dry run, tell why each job would run.

    Returns
    -------
    int
        0; 1 when a job failed or Snakemake met something unforeseen; 2 for what a user can correct; 75 for "try again".
    """
    code, told = run(arguments)
    if len(told) > 1:  # one line says that nothing would run, as Snakemake has
        print("\nWhy, root causes first:", *told, sep="\n")
    return code


def run(arguments: list[str]) -> tuple[int, list[str]]:
    """Run Snakemake; give the exit code and, of a dry run, the lines of `why`."""
    interrupt.end_quietly()  # before the imports, which take seconds
    from catscan.common.errors import CatscanError
    from catscan.flow import command_line, terminal

    terminal.speak()
    sys.argv = ["snakemake", *arguments]
    told: list[str] = []
    try:
        gc.disable()  # what the imports make stays: nothing of it is to be looked through, again and again
        from snakemake import cli

        gc.freeze()
        gc.enable()
        parser, options = command_line.parsed(arguments)
        command_line.check(options, arguments)
        if options.dryrun:
            from catscan.flow import why

            why.tell_of_plans(told)
        done = cli.args_to_api(options, parser)
    except CatscanError as error:
        print(f"catscan: {error}", file=sys.stderr)
        return error.exit_code, []
    if terminal.WORDS.refusal:
        return terminal.WORDS.refusal.exit_code, []
    return (0, told) if done else (1, [])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
