import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '@mlops/core';
import { checkRelease } from './check.ts';
import { writeTree } from './commit.ts';
import { type Publication, publish } from './publish.ts';
import { remoteTags } from './remote-tags.ts';
import type { Refs } from './render.ts';
import { planTags } from './tags.ts';
import { buildReleaseTree } from './tree.ts';

const usage = `Usage: pnpm release <command> [options]

Commands:
  build     Write the tree that a release's tags point at, from the working tree.
  check     Check versions, pending changesets and workflows; needs no network and builds nothing.
  plan      Show the tags that a release of these versions would create and move.
  publish   Build HEAD, commit the tree on top of it, and push the tags that are missing.

Options:
  --out <folder>     build: where to write (default .release)
  --refs set|self    build, publish: how workflows name their siblings: by the set's tag (default), or as $/… which
                     needs runner 2.336.0 and does not work on GitHub Enterprise Server
  --remote <name>    plan, publish: the remote whose tags count (default origin)
  --dry-run          publish: build and show what would be pushed, push nothing
  --help             Show this text

Exit codes: 0 success, 1 the release is refused or failed, 2 wrong usage.
`;

interface Options {
  out: string;
  refs: Refs;
  remote: string;
  dryRun: boolean;
}

class UsageError extends UserError {}

const commands: Record<string, (root: string, options: Options) => Promise<string[]>> = {
  async build(root, { out, refs }) {
    const tree = await buildReleaseTree({ root, out, refs });
    const id = await writeTree(root, tree);
    return [
      `Wrote v${tree.version} to ${tree.folder}: ${tree.actions.length} actions, ${tree.files.length} files, tree ${id}.`,
    ];
  },

  async check(root) {
    const { set } = await checkRelease(root);
    return [
      `v${set.version} with ${set.actions.length} actions and ${set.workflows.length} workflows can be released.`,
    ];
  },

  async plan(root, { remote }) {
    const { set } = await checkRelease(root);
    const existingTags = [...(await remoteTags(root, remote)).keys()];
    const { immutable, floating } = planTags({ setVersion: set.version, actions: set.actions, existingTags });
    if (!immutable.length) return [`Every version is tagged on '${remote}'; there is nothing to release.`];
    return [
      ...immutable.map((tag) => `new       ${tag}`),
      ...floating.map(({ tag, target }) => `floating  ${tag} → ${target}`),
    ];
  },

  async publish(root, { remote, refs, dryRun }) {
    return described(await publish({ root, remote, refs, dryRun }), remote, dryRun);
  },
};

function described(
  { version, commit, created, moved }: Publication,
  remote: string,
  dryRun: boolean,
): string[] {
  if (!created.length && !moved.length)
    return [`v${version} is published on '${remote}' already; nothing to do.`];
  return [
    ...created.map((tag) => `new       ${tag} at ${commit}`),
    ...moved.map(
      ({ tag, target, from }) => `floating  ${tag} → ${target}${from ? ` (was ${from.slice(0, 12)})` : ''}`,
    ),
    dryRun ? 'Dry run: nothing was pushed.' : `Published v${version} to '${remote}'.`,
  ];
}

async function main(args: string[]): Promise<void> {
  const { values, positionals } = readArguments(args);
  if (values.help) return console.log(usage);
  const [name = '', ...rest] = positionals;
  const run = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!run || rest.length)
    throw new UsageError(name ? `unknown command '${positionals.join(' ')}'` : 'no command is given');
  if (values.refs !== 'set' && values.refs !== 'self')
    throw new UsageError(`--refs must be 'set' or 'self', not '${values.refs}'`);
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const options = {
    out: values.out,
    refs: values.refs,
    remote: values.remote,
    dryRun: values['dry-run'],
  } as const;
  for (const line of await run(root, options)) console.log(line);
}

function readArguments(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        out: { type: 'string', default: '.release' },
        refs: { type: 'string', default: 'set' },
        remote: { type: 'string', default: 'origin' },
        'dry-run': { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(String(error));
  if (error instanceof UsageError) console.error(`\n${usage}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
