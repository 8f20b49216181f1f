import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '@mlops/core';
import { CommandError, command } from '@mlops/core/process';
import type { Node } from './nodes.ts';
import type { Buildx } from './program.ts';

/** What builds: a builder of buildx, as it says of itself. */
export interface Builder {
  name: string;
  driver: string;
  /** `linux/amd64`, …; empty where it does not say. */
  platforms: string[];
  /** Whether it was made for this job, and goes with it. */
  isOwn: boolean;
}

export interface BuilderRequest {
  builder?: string | undefined;
  driver?: string | undefined;
  driverOpts: readonly string[];
  endpoint?: string | undefined;
  nodes: readonly Node[];
  buildkitdConfig?: string | undefined;
  buildkitdFlags?: string | undefined;
  /** What Docker's own builder may not be able to do. */
  needs: readonly Need[];
}

/**
 * Each with the feature of the driver that it takes (build/opt.go in docker/buildx); Docker's own has none for pushes by
 * digest.
 */
const featureFor = {
  'several platforms': 'Multi-platform build',
  attestations: 'Multi-platform build',
  'this compression': 'Multi-platform build',
  'caches elsewhere': 'Cache export',
  'image layouts': 'OCI exporter',
  'pushes by digest': undefined,
} as const;

export type Need = keyof typeof featureFor;

interface Options {
  env: Record<string, string | undefined>;
  workingDirectory: string;
  temp: string;
  signal: AbortSignal;
  /** Is told the first node of a builder with the driver docker-container before it is started. */
  beforeStart?: ((node: string) => Promise<void>) | undefined;
}

/**
 * The builder to use: the one that is named, one that is created as asked for, or the current one; where that one is
 * Docker's own and cannot do what is needed, one with the driver docker-container.
 */
export async function prepareBuilder(
  buildx: Buildx,
  request: BuilderRequest,
  options: Options,
): Promise<Builder> {
  const { builder, driver, endpoint, nodes } = request;
  const wanted = driver ?? (endpoint ? 'remote' : nodes.length ? 'docker-container' : undefined);
  if (builder && wanted)
    throw new UserError(`both a builder to use ('${builder}') and one to create ('${wanted}') are named`, {
      advice: "Set 'builder', or 'driver' and its options.",
    });
  if (wanted && wanted !== 'docker') return create(buildx, wanted, request, options);
  const current = await inspect(buildx, builder, options);
  const lacks = await lackOf(buildx, current, request.needs, options);
  if (lacks.length === 0) return current;
  if (builder || wanted)
    throw new UserError(
      `the builder '${current.name}' has the driver docker, which lacks: ${lacks.join(', ')}`,
      {
        advice: "Leave 'builder' and 'driver' out, so that one that can is created.",
      },
    );
  console.log(
    `Docker's own builder lacks: ${lacks.join(', ')}. Creating one with the driver docker-container.`,
  );
  return create(buildx, 'docker-container', request, options);
}

/** Removes a builder with what it cached. */
export async function removeBuilder(
  { program, prefix }: Buildx,
  name: string,
  env: Record<string, string | undefined>,
  signal: AbortSignal,
): Promise<void> {
  await command(program, [...prefix, 'rm', '--force', name], { env, signal });
}

async function create(
  buildx: Buildx,
  driver: string,
  request: BuilderRequest,
  options: Options,
): Promise<Builder> {
  const { driverOpts, endpoint, nodes, buildkitdConfig, buildkitdFlags } = request;
  if (driver === 'remote' && !endpoint)
    throw new UserError("the driver 'remote' needs the address of a BuildKit", {
      advice: "Set it, such as 'endpoint: tcp://buildkit:1234'.",
    });
  const name = `mlops-${randomBytes(6).toString('hex')}`;
  const { program, prefix } = buildx;
  const folder = await mkdtemp(join(options.temp, 'mlops-builder-'));
  try {
    const config = buildkitdConfig && (await configFile(buildkitdConfig, folder, options.workingDirectory));
    const run = (args: readonly string[]) =>
      command(program, [...prefix, ...args], { env: options.env, signal: options.signal });
    await run([
      ...['create', '--name', name, '--driver', driver],
      ...driverOpts.flatMap((option) => ['--driver-opt', option]),
      ...(config ? ['--buildkitd-config', config] : []),
      ...(buildkitdFlags ? ['--buildkitd-flags', buildkitdFlags] : []),
      ...(endpoint ? [endpoint] : []),
    ]);
    for (const node of nodes)
      await run([
        ...['create', '--append', '--name', name],
        ...(node.name ? ['--node', node.name] : []),
        ...(node.platforms ? ['--platform', node.platforms] : []),
        ...(node['driver-opts'] ?? []).flatMap((option) => ['--driver-opt', option]),
        node.endpoint,
      ]);
    if (driver === 'docker-container') await options.beforeStart?.(`${name}0`);
    const builder = await inspect(buildx, name, options, ['--bootstrap']);
    return { ...builder, isOwn: true };
  } catch (error) {
    await removeBuilder(buildx, name, options.env, AbortSignal.timeout(30_000)).catch(() => {});
    throw notReady(driver, endpoint, error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The text itself has lines, a path has none; buildx reads it when it creates the builder. */
async function configFile(given: string, folder: string, workingDirectory: string): Promise<string> {
  if (!given.includes('\n') && !/[=[]/.test(given)) {
    const path = resolve(workingDirectory, given);
    if (existsSync(path)) return path;
    throw new UserError(`BuildKit's configuration '${given}' does not exist`, {
      advice:
        "Check the input 'buildkitd-config': a path relative to the working directory, or the text itself.",
    });
  }
  const path = join(folder, 'buildkitd.toml');
  await writeFile(path, `${given}\n`);
  return path;
}

/** Only Docker's own builder lacks anything: what, depends on where it keeps its images. */
async function lackOf(
  { program, prefix }: Buildx,
  { name, driver }: Builder,
  needs: readonly Need[],
  { env, signal }: Options,
): Promise<Need[]> {
  if (driver !== 'docker' || needs.length === 0) return [];
  // Features are printed for those who debug.
  const args = [...prefix, 'inspect', name];
  const { stdout } = await command(program, args, { env: { ...env, DEBUG: '1' }, signal });
  const features: Record<string, boolean> = Object.assign(
    {},
    ...nodesOf(stdout).map((node) => node.features),
  );
  return needs.filter((need) => {
    const feature = featureFor[need];
    return feature === undefined || features[feature] === false;
  });
}

async function inspect(
  { program, prefix }: Buildx,
  name: string | undefined,
  { env, signal }: Options,
  flags: readonly string[] = [],
): Promise<Builder> {
  const args = [...prefix, 'inspect', ...flags, ...(name ? [name] : [])];
  const { stdout } = await command(program, args, { env, signal }).catch((error: unknown) => {
    throw name && !flags.length ? notFound(name, error) : error;
  });
  const nodes = nodesOf(stdout);
  const [first] = nodes;
  const broken = nodes.find((node) => node.error);
  if (broken?.error && nodes.every((node) => node.error))
    throw new UserError(`the builder '${first?.builder ?? name}' does not answer: ${broken.error}`, {
      advice: 'Check that Docker or BuildKit runs on this machine, and that this user may use it.',
    });
  return {
    name: first?.builder ?? name ?? 'default',
    driver: first?.driver ?? '',
    platforms: [...new Set(nodes.flatMap(({ platforms }) => platforms))],
    isOwn: false,
  };
}

interface NodeFacts {
  builder: string;
  driver: string;
  platforms: string[];
  features: Record<string, boolean>;
  error?: string;
}

/**
 * What `buildx inspect` prints of a builder's nodes (commands/inspect.go in docker/buildx): pairs `Key: value`, first of
 * the builder, then of each node, with features and labels indented. It has no form for programs.
 */
export function nodesOf(output: string): NodeFacts[] {
  const [about = '', ...nodes] = output.split(/^Name:[ \t]*/m).slice(1);
  const value = (text: string, key: string) =>
    new RegExp(`^${key}:[ \\t]*(.*)$`, 'm').exec(text)?.[1]?.trim();
  const builder = about.split('\n')[0]?.trim() ?? '';
  const driver = value(about, 'Driver') ?? '';
  const failure = value(about, 'Error');
  if (failure && nodes.length === 0)
    return [{ builder, driver, platforms: [], features: {}, error: failure }];
  return nodes.map((text) => {
    const platforms = (value(text, 'Platforms') ?? '').split(/,\s*/).filter(Boolean);
    const preferred = platforms.filter((platform) => platform.endsWith('*'));
    const error = value(text, 'Error') ?? failure;
    const [, listed = ''] = /^Features:\n((?:[ \t]+.*\n?)*)/m.exec(text) ?? [];
    const features = [...listed.matchAll(/^[ \t]+(.+?):[ \t]*(true|false)/gm)];
    return {
      ...{ builder, driver },
      platforms: (preferred.length ? preferred : platforms).map((platform) => platform.replace('*', '')),
      features: Object.fromEntries(features.map(([, name = '', on]) => [name, on === 'true'])),
      ...(error && { error }),
    };
  });
}

function notFound(name: string, error: unknown): unknown {
  if (!(error instanceof CommandError) || !/no builder|not found/i.test(error.message)) return error;
  return new UserError(`there is no builder named '${name}'`, {
    cause: error,
    advice: "Create it in an earlier step, or leave 'builder' out.",
  });
}

function notReady(driver: string, endpoint: string | undefined, error: unknown): unknown {
  if (!(error instanceof CommandError)) return error;
  const words = error.result.stderrTail.filter((line) => line.trim()).slice(-3);
  return new UserError(
    `a builder with the driver '${driver}'${endpoint ? ` at ${endpoint}` : ''} could not be made ready: ${words.join(' ').trim() || error.message}`,
    {
      cause: error,
      advice:
        driver === 'remote'
          ? 'Check that BuildKit listens at this address, and that this machine may reach it.'
          : "Check 'driver-opts' and 'buildkitd-config', and that Docker runs on this machine.",
    },
  );
}
