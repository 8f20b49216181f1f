import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { show, suggest, UserError } from '@mlops/core';
import type { Node, Scalar, YAMLMap } from 'yaml';

export const parameterTypes = ['string', 'float', 'int', 'path', 'uri'] as const;

/** A parameter of an entry point, as MLproject declares it. */
export interface Declared {
  type: (typeof parameterTypes)[number];
  /** As Python spells it; undefined where a value has to be given. */
  default: string | undefined;
  line: number;
}

export interface EntryPoint {
  name: string;
  command: string;
  parameters: Map<string, Declared>;
  line: number;
}

/** What an MLproject says; https://mlflow.org/docs/latest/ml/projects/ */
export interface MlProject {
  /** As a reader finds it, relative to the workspace. */
  file: string;
  entryPoints: Map<string, EntryPoint>;
  /** The file of its environment, where it has one. */
  environment: string | undefined;
}

/** Reads the MLproject of a folder, whatever the case of its name; undefined when there is none. */
export async function readMlProject(folder: string, workspace: string): Promise<MlProject | undefined> {
  const name = (await readdir(folder)).find((each) => each.toLowerCase() === 'mlproject');
  if (name === undefined) return undefined;
  const file = relative(workspace, join(folder, name)).split(sep).join('/');
  const reader = await Reader.of(await readFile(join(folder, name), 'utf8'), file);
  return { file, entryPoints: reader.entryPoints(), environment: reader.environment(folder) };
}

class Reader {
  readonly #file: string;
  readonly #yaml: typeof import('yaml');
  readonly #root: YAMLMap | undefined;
  readonly #lineOf: (node: Node | null | undefined) => number;

  static async of(text: string, file: string): Promise<Reader> {
    const yaml = await import('yaml');
    const counter = new yaml.LineCounter();
    // PyYAML, with which MLflow reads it, knows YAML 1.1.
    const document = yaml.parseDocument(text, { lineCounter: counter, version: '1.1' });
    const [error] = document.errors;
    if (error)
      throw new UserError(
        `not valid YAML: ${(error.message.split('\n')[0] ?? '').replace(/ at line.*/, '')}`,
        {
          file,
          line: counter.linePos(error.pos[0]).line,
        },
      );
    const root = document.contents;
    if (root && !yaml.isMap(root)) throw new UserError('an MLproject is a mapping', { file, line: 1 });
    const lineOf = (node: Node | null | undefined) => counter.linePos(node?.range?.[0] ?? 0).line;
    return new Reader(yaml, file, root ?? undefined, lineOf);
  }

  private constructor(
    yaml: typeof import('yaml'),
    file: string,
    root: YAMLMap | undefined,
    lineOf: (node: Node | null | undefined) => number,
  ) {
    this.#yaml = yaml;
    this.#file = file;
    this.#root = root;
    this.#lineOf = lineOf;
  }

  environment(folder: string): string | undefined {
    const docker = this.#pair(this.#root, 'docker_env');
    if (docker)
      throw this.#error(
        'docker_env is not supported: steps run on the runner, or in the container of the job',
        docker.key,
        {
          advice:
            "Name the image in the workflow, as 'container:' of the job, and remove docker_env, or give the project a python_env.",
        },
      );
    for (const key of ['python_env', 'conda_env']) {
      const named = this.#pair(this.#root, key)?.value;
      if (this.#yaml.isScalar(named)) return String(named.value);
    }
    return ['python_env.yaml', 'conda.yaml'].find((name) => existsSync(join(folder, name)));
  }

  entryPoints(): Map<string, EntryPoint> {
    const section = this.#pair(this.#root, 'entry_points');
    if (!section) return new Map();
    return new Map(
      this.#entries(section.value, 'entry_points', section.key).map(({ name, key, value }) => [
        name,
        this.#entryPoint(name, key, value),
      ]),
    );
  }

  #entryPoint(name: string, key: Scalar, node: Node | null): EntryPoint {
    const where = `entry_points.${name}`;
    const parts = this.#entries(node, where, key);
    const unknown = parts.find((part) => part.name !== 'parameters' && part.name !== 'command');
    if (unknown)
      throw this.#error(`${where} has the unknown key '${unknown.name}'`, unknown.key, {
        advice: suggest(unknown.name, ['parameters', 'command']),
      });
    const command = parts.find((part) => part.name === 'command');
    if (!this.#yaml.isScalar(command?.value) || typeof command.value.value !== 'string')
      throw this.#error(`${where} needs a command`, key, {
        advice: 'Write it as text: command: "python train.py --alpha {alpha}".',
      });
    const declared = parts.find((part) => part.name === 'parameters');
    const parameters = declared ? this.#entries(declared.value, `${where}.parameters`, declared.key) : [];
    return {
      ...{ name, command: command.value.value, line: this.#lineOf(command.key) },
      parameters: new Map(
        parameters.map((each) => [each.name, this.#declared(`${where}.parameters.${each.name}`, each)]),
      ),
    };
  }

  #declared(where: string, { key, value }: { key: Scalar; value: Node | null }): Declared {
    const line = this.#lineOf(key);
    if (this.#yaml.isScalar(value)) return { type: this.#type(where, value), default: undefined, line };
    const parts = this.#entries(value, where, key);
    const type = parts.find(({ name }) => name === 'type')?.value;
    const preset = parts.find(({ name }) => name === 'default')?.value;
    return {
      type: type ? this.#type(where, type) : 'string',
      default: preset ? this.#spelled(where, preset) : undefined,
      line,
    };
  }

  #type(where: string, node: Node): Declared['type'] {
    const value = this.#yaml.isScalar(node) ? node.value : undefined;
    const type = parameterTypes.find((each) => each === value);
    if (type) return type;
    throw this.#error(`${where} has the unknown type ${show(value)}`, node, {
      advice: suggest(String(value), parameterTypes),
    });
  }

  /** A default as Python would print it. */
  #spelled(where: string, node: Node): string | undefined {
    if (!this.#yaml.isScalar(node)) throw this.#error(`${where}: a default is one value`, node);
    if (node.value === null) return undefined;
    if (typeof node.value === 'boolean') return node.value ? 'True' : 'False';
    return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
  }

  #pair(map: YAMLMap | undefined, name: string): { key: Scalar; value: Node | null } | undefined {
    const pair = map?.items.find(({ key }) => this.#yaml.isScalar(key) && key.value === name);
    return pair && { key: pair.key as Scalar, value: pair.value as Node | null };
  }

  #entries(node: Node | null, what: string, at: Node): { name: string; key: Scalar; value: Node | null }[] {
    if (!this.#yaml.isMap<Scalar, Node | null>(node)) throw this.#error(`${what} is a mapping`, node ?? at);
    return node.items.map(({ key, value }) => ({ name: String(key.value), key, value }));
  }

  #error(message: string, node: Node, { advice }: { advice?: string } = {}): UserError {
    return new UserError(message, { file: this.#file, line: this.#lineOf(node), advice });
  }
}
