import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '@mlops/core';
import { type BaseImages, chooseBase } from './base-image.ts';
import { type Content, contentAt, findContents } from './contents.ts';
import { type Dependencies, findDependencies } from './dependencies.ts';
import { ignoreFile } from './ignore-file.ts';
import { environment, installation, interpreters, pixiEnvironment, projectInstallation } from './install.ts';
import { checkedPath, continued, copy, execForm } from './instruction.ts';
import { type BuiltProject, findBuiltProject } from './project.ts';
import { choosePython } from './python-version.ts';
import { serveCommand } from './serve-command.ts';
import { systemPackagesFor } from './system-packages.ts';

export interface DockerfileOptions {
  /** The project's folder, which is the build's context. */
  root: string;
  /** What starts the service in the foreground on `$HOST:$PORT`: a line as for a shell, or its words. */
  serve: string | readonly string[];
  /** Where the service listens, 1 to 65535. */
  port: number;
  /** Path that answers with status 2xx or 3xx once the model can serve. */
  healthPath: string;
  /** Version of Python; default: what the project asks for. */
  python?: string | undefined;
  /** Version of CUDA, or `none`; default: as the packages need it. */
  cuda?: string | undefined;
  /** The model's file or folder, relative to the project. */
  model?: string | undefined;
  /** Whether the model is part of the image or mounted where it is run. */
  modelDelivery: 'baked' | 'mounted';
  /** Files, folders and globs with what serves; default: what lies in the root and is neither ignored nor for development. */
  include?: readonly string[] | undefined;
  /** Packages of the base image's Debian or Ubuntu, `name` or `name=version`. */
  systemPackages?: readonly string[] | undefined;
  /** The image to start from instead of the one that is chosen. */
  base?: string | undefined;
  /** Numeric user that the service runs as, `10001` or `10001:10001`. */
  user?: string | undefined;
}

export interface GeneratedDockerfile {
  dockerfile: string;
  /** Contents for `<Dockerfile's name>.dockerignore`, which BuildKit prefers to the project's own file. */
  dockerignore: string;
  /** A sentence for every decision. */
  because: string[];
}

/** Where the code is in the image. */
const app = '/app';
/** Where the project itself is, installed as a package. */
const installed = '/opt/project';

/**
 * Writes the Dockerfile of a service in Python: packages, model and code in layers of their own, so that a change of
 * one leaves the others alone; no build tools, no root, no credentials in the image.
 *
 * @throws UserError for options and projects that no image can be made of.
 */
export async function generateDockerfile(options: DockerfileOptions): Promise<GeneratedDockerfile> {
  const { root } = options;
  const { port, user, healthPath, base: asked } = checked(options);
  const command = serveCommand(options.serve);
  const model = options.model === undefined ? undefined : checkedPath(options.model, 'model');
  const userRules = await readFile(join(root, '.dockerignore'), 'utf8').catch(() => '');

  const dependencies = await findDependencies(root);
  const python = await choosePython(root, options.python, dependencies);
  const base = chooseBase(dependencies, python, { base: asked, cuda: options.cuda });
  const system = systemPackagesFor(dependencies.names, options.systemPackages ?? []);
  const { contents, leftOut } = await findContents(root, options.include, model, userRules);
  const project = base.python === 'conda' ? undefined : await findBuiltProject(root);
  const baked = options.modelDelivery === 'baked' ? bakedModel(root, model) : undefined;
  const ignored = ignoreFile(neededPaths(contents, dependencies, baked, project), userRules);

  const stages = [
    [
      '# Made by docker-build-push; a Dockerfile of your own takes its place.',
      `FROM ${base.builder} AS builder`,
      // Its image has a user that may not write to /opt; what is made here is copied, and the stage is not.
      ...(dependencies.manager === 'conda' ? ['# hadolint ignore=DL3002', 'USER 0'] : []),
      ...installation(dependencies, base, python),
    ],
    ['FROM scratch AS code', ...contents.map((content) => copyContent(['--link'], content, '/'))],
    ...(project ? [builtProject(project)] : []),
    [
      `FROM ${base.runtime}`,
      ...system.instructions,
      `WORKDIR ${app}`,
      settings(base, dependencies, port, project, model, isFolder(root, model)),
      '# Packages, model and code: a change of one leaves the layers of the others as they are.',
      ...copyEnvironment(base, dependencies),
      ...(baked ? [copyContent(['--link', `--chown=${user}`], baked, `${app}/`)] : []),
      ...(project ? [`COPY --link --from=project ${installed} ${installed}`] : []),
      `COPY --link --from=code --chown=${user} / ${app}/`,
      `USER ${user}`,
      `EXPOSE ${port}`,
      healthCheck(healthPath),
      `CMD ${execForm(command.words)}`,
    ],
  ];
  return {
    dockerfile: `${stages.map((lines) => lines.join('\n')).join('\n\n')}\n`,
    dockerignore: ignored.text,
    because: [
      becauseOfLock(dependencies),
      ...(base.python === 'conda' ? [] : [`Python ${python.version}: ${python.from}.`]),
      ...base.because,
      ...system.because,
      ...(project?.because ?? []),
      ...becauseOfModel(model, options.modelDelivery),
      `Code: ${contents.map(({ path }) => path).join(', ')}${leftOut.length ? `; left out: ${leftOut.join(', ')}` : ''}.`,
      ...ignored.reclaimed.map(
        (path) => `.dockerignore leaves ${path} out, which the image needs: it is taken all the same.`,
      ),
      ...command.because,
    ],
  };
}

function checked({ port, user = '10001:10001', healthPath, base }: DockerfileOptions) {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new UserError(`port: '${port}' is no port`, { advice: 'Use a number from 1 to 65535.' });
  if (!/^\d{1,10}(:\d{1,10})?$/.test(user))
    throw new UserError(`user: '${user}' is not numeric`, {
      advice:
        "Write it as '10001' or '10001:10001': Kubernetes can only tell by the number that it is not root.",
    });
  // What http.client sends as it is: https://www.rfc-editor.org/rfc/rfc9112#name-origin-form.
  if (!/^\/[!-~]*$/.test(healthPath))
    throw new UserError(`health-path: '${healthPath}' is no path of a URL`, {
      advice: "Write it as '/health', with other characters percent-encoded.",
    });
  if (base !== undefined && !/^[a-z0-9][\w.:/@+-]*$/i.test(base))
    throw new UserError(`base: '${base}' is no reference of an image`, {
      advice: "Write it as 'python:3.13-slim' or 'registry.example/name@sha256:…'.",
    });
  return { port, user, healthPath, base };
}

function bakedModel(root: string, model: string | undefined): Content | undefined {
  if (model === undefined) return undefined;
  const content = contentAt(root, model);
  if (content) return content;
  throw new UserError(`the model '${model}' is not there to be put into the image`, {
    advice: "Train or fetch it in an earlier step, or have it mounted with 'model-delivery: mounted'.",
  });
}

function isFolder(root: string, model: string | undefined): boolean {
  return model !== undefined && contentAt(root, model)?.isFolder !== false;
}

function neededPaths(
  contents: readonly Content[],
  { file, beside }: Dependencies,
  model: Content | undefined,
  project: BuiltProject | undefined,
): string[] {
  const paths = [file, ...beside, ...(project?.files ?? []), ...contents.map(({ path }) => path)];
  return [...new Set(model ? [...paths, model.path] : paths)];
}

/** A file or folder at the same place below `target`. */
function copyContent(flags: readonly string[], { path, isFolder }: Content, target: string): string {
  return copy(flags, [path], `${target}${path}${isFolder ? '/' : ''}`);
}

function builtProject({ files, setting }: BuiltProject): string[] {
  return [
    'FROM builder AS project',
    ...setting,
    copy(['--link'], files, '/project/'),
    'COPY --link --from=code / /project/',
    projectInstallation('/project', installed),
  ];
}

function settings(
  { gpu }: BaseImages,
  { manager }: Dependencies,
  port: number,
  project: BuiltProject | undefined,
  model: string | undefined,
  modelIsFolder: boolean,
): string {
  const folder = manager === 'pixi' ? pixiEnvironment : environment;
  return continued(
    `ENV PATH=${project ? `${installed}/bin:` : ''}${folder}/bin:$PATH`,
    `PYTHONPATH=${project ? `${installed}:` : ''}${app}`,
    'PYTHONUNBUFFERED=1',
    'PYTHONDONTWRITEBYTECODE=1',
    // A number has no entry in /etc/passwd; what asks for its name or writes a cache finds these.
    'HOME=/tmp',
    'USER=app',
    ...(gpu ? ['NVIDIA_DRIVER_CAPABILITIES=compute,utility'] : []),
    ...(model && modelIsFolder ? [`MODEL_DIR="${`${app}/${model}`.replace(/["$]/g, '\\$&')}"`] : []),
    'HOST=0.0.0.0',
    `PORT=${port}`,
  );
}

function copyEnvironment({ python }: BaseImages, { manager }: Dependencies): string[] {
  const from = (folder: string) => `COPY --link --from=builder ${folder} ${folder}`;
  if (manager === 'pixi') return [from(pixiEnvironment)];
  return [...(python === 'uv' ? [from(interpreters)] : []), from(environment)];
}

/** Asks the service itself, past any proxy; slim images have no curl, but they have Python. */
function healthCheck(healthPath: string): string {
  const program = [
    'import http.client, os, sys',
    "service = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=4)",
    "service.request('GET', sys.argv[1])",
    'sys.exit(service.getresponse().status // 100 not in (2, 3))',
  ].join('; ');
  return continued(
    'HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3',
    `CMD ${execForm(['python', '-c', program, healthPath])}`,
  );
}

function becauseOfLock({ manager, file, locked, hashed }: Dependencies): string {
  const how = !locked
    ? 'It fixes no versions, so a later build may install others: commit a lock.'
    : hashed
      ? 'Every file is checked against its hash.'
      : 'It fixes versions without hashes.';
  return `Packages from ${file} (${manager}). ${how}`;
}

function becauseOfModel(model: string | undefined, delivery: 'baked' | 'mounted'): string[] {
  if (model === undefined) return [];
  return delivery === 'baked'
    ? [`The model is in a layer of its own, at ${app}/${model}.`]
    : [`The model is to be mounted at ${app}/${model}.`];
}
