import { describe, expect, it } from 'vitest';
import { type DockerfileOptions, generateDockerfile } from '../../src/dockerfile/generate.ts';
import { projectOf } from './project.ts';

const service: Omit<DockerfileOptions, 'root'> = {
  serve: 'python -m service',
  port: 8000,
  healthPath: '/health',
  modelDelivery: 'mounted',
};
const generate = (files: Record<string, string>, options: Partial<DockerfileOptions> = {}) =>
  generateDockerfile({ ...service, root: projectOf({ 'service/__main__.py': '', ...files }), ...options });

const hash = `--hash=sha256:${'0'.repeat(64)}`;
const pyproject =
  '[project]\nname = "service"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["six"]\n';
const uvLock =
  'version = 1\nrequires-python = ">=3.11"\n[[package]]\nname = "torch"\nversion = "2.9.0"\n[[package]]\nname = "nvidia-cublas-cu12"\nversion = "12"\n';
const projects: Record<string, Record<string, string>> = {
  uv: { 'uv.lock': uvLock, 'pyproject.toml': pyproject },
  pylock: { 'pylock.toml': 'lock-version = "1.0"\n[[packages]]\nname = "six"\nversion = "1.17.0"\n' },
  poetry: {
    'poetry.lock': '[[package]]\nname = "six"\nversion = "1.17.0"\n[metadata]\npython-versions = "^3.12"\n',
    'pyproject.toml': '[tool.poetry]\npackage-mode = false\n',
  },
  pipenv: {
    'Pipfile.lock': '{"_meta": {"sources": [{"name": "pypi"}]}, "default": {"six": {"version": "==1.17.0"}}}',
    Pipfile: '[packages]\nsix = "*"\n',
  },
  pixi: { 'pixi.lock': 'version: 6\n', 'pixi.toml': '[workspace]\n' },
  conda: { 'environment.yml': 'dependencies:\n  - python=3.12\n  - pip:\n      - six\n' },
  'conda with a lock': { 'conda-lock.yml': 'version: 1\npackage:\n- name: six\n' },
  pip: { 'requirements.txt': `six==1.17.0 \\\n    ${hash}\n` },
  'pip with includes': {
    'requirements.txt': '-r requirements/base.txt\n',
    'requirements/base.txt': 'six==1.17.0\n',
  },
  'pip without versions': { 'requirements.txt': 'six\nlightgbm>=4\n' },
  'pyproject.toml alone': { 'pyproject.toml': pyproject },
  'a package': {
    'uv.lock': uvLock,
    'pyproject.toml': `${pyproject}[build-system]\nrequires = ["hatchling", "hatch-vcs"]\n`,
    'README.md': '',
    'src/service/__init__.py': '',
  },
};

describe.each(Object.entries(projects))('a project of %s', (name, files) => {
  it('gets a Dockerfile, and is told why it is as it is', async () => {
    const { dockerfile, because } = await generate(files);
    await expect(dockerfile).toMatchFileSnapshot(`golden/${name.replaceAll(' ', '-')}.Dockerfile`);
    await expect(`${because.join('\n')}\n`).toMatchFileSnapshot(
      `golden/${name.replaceAll(' ', '-')}.because.txt`,
    );
  });
});

describe('what is chosen', () => {
  const first = (text: string, pattern: RegExp) => pattern.exec(text)?.[1];
  const baseOf = (dockerfile: string) => first(dockerfile, /^FROM (\S+)$/m);

  it.each([
    ['>=3.10,<3.14', '3.13'],
    ['>=3.14', '3.14'],
    ['<3.12', '3.11'],
    ['~=3.11.0', '3.11'],
  ])('requires-python %s: Python %s', async (range, version) => {
    const { dockerfile } = await generate({
      'pyproject.toml': `[project]\nname = "a"\nrequires-python = "${range}"\n`,
    });
    expect(baseOf(dockerfile)).toBe(`python:${version}-slim`);
  });

  it('.python-version goes before pyproject.toml, and the option before both', async () => {
    const files = { 'pyproject.toml': pyproject, '.python-version': '# ours\n3.12.4\n' };
    expect(baseOf((await generate(files)).dockerfile)).toBe('python:3.12.4-slim');
    expect(baseOf((await generate(files, { python: '3.11' })).dockerfile)).toBe('python:3.11-slim');
  });

  it('an image with CUDA, and cuDNN, where no wheel brings them', async () => {
    const { dockerfile } = await generate(
      { 'requirements.txt': 'onnxruntime-gpu==1.22.0\n' },
      { cuda: '12.9' },
    );
    expect(baseOf(dockerfile)).toBe('nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04');
    expect(dockerfile).toContain('COPY --link --from=builder /opt/python /opt/python');
    const other = await generate({ 'requirements.txt': 'cupy-cuda12x==13.4.1\n' }, { cuda: '12.8.0' });
    expect(baseOf(other.dockerfile)).toBe('nvidia/cuda:12.8.0-runtime-ubuntu24.04');
  });

  it('a slim image where wheels bring CUDA, which the driver is then asked for', async () => {
    const files = { 'requirements.txt': 'torch==2.9.0\nnvidia-cuda-runtime-cu12==12.9.79\n' };
    const { dockerfile, because } = await generate(files, { cuda: '12.9' });
    expect(baseOf(dockerfile)).toBe('python:3.13-slim');
    expect(dockerfile).toContain('NVIDIA_DRIVER_CAPABILITIES=compute,utility');
    expect(because.join()).toContain("wheels bring CUDA's libraries");
  });

  it('the base image that is asked for, with a Python of its own or with the one that uv brings', async () => {
    const files = projects.pip ?? {};
    const own = await generate(files, { base: 'registry.example:5000/python:3.12@sha256:0123' });
    expect(own.dockerfile.match(/^FROM registry\.example:5000\/python:3\.12@sha256:0123/gm)).toHaveLength(2);
    const other = await generate(files, { base: 'ubuntu:24.04' });
    expect(baseOf(other.dockerfile)).toBe('ubuntu:24.04');
    expect(other.dockerfile).toContain('["uv", "python", "install", "--no-bin", "3.13"]');
  });

  it('system packages that wheels need, and those that are asked for', async () => {
    const { dockerfile } = await generate(
      { 'requirements.txt': 'lightgbm==4.6.0\n' },
      { systemPackages: ['tini=0.19.0-3'] },
    );
    expect(dockerfile).toContain('--no-install-recommends libgomp1 tini=0.19.0-3');
  });

  it.each([
    ['python -m "a b" \'c $d\'', ['python', '-m', 'a b', 'c $d']],
    ['uv run --frozen uvicorn app:app', ['uvicorn', 'app:app']],
    ['poetry run gunicorn app:app', ['gunicorn', 'app:app']],
    ['.venv/bin/python serve.py', ['python', 'serve.py']],
    ['uvicorn app:app --port $PORT', ['/bin/sh', '-c', 'exec uvicorn app:app --port $PORT']],
    ['uv run uvicorn app:app --port "$PORT"', ['/bin/sh', '-c', 'exec uvicorn app:app --port "$PORT"']],
    ['A=1 python serve.py', ['/bin/sh', '-c', 'A=1 python serve.py']],
    ['python a.py && python b.py', ['/bin/sh', '-c', 'python a.py && python b.py']],
  ])('the command of %s', async (serve, command) => {
    const { dockerfile } = await generate(projects.pip ?? {}, { serve });
    expect(JSON.parse(first(dockerfile, /^CMD (.*)$/m) ?? '')).toEqual(command);
  });

  it('a model inside the code keeps a layer of its own', async () => {
    const files = {
      'requirements.txt': 'six==1.17.0\n',
      'service/weights/w.bin': '',
      'service/api/a.py': '',
    };
    const { dockerfile } = await generate(files, { model: 'service/weights', modelDelivery: 'baked' });
    expect(dockerfile).toContain('["service/weights", "/app/service/weights/"]');
    expect(dockerfile).toContain('COPY --link ["service/api", "/service/api/"]');
    expect(dockerfile).not.toContain('["service", ');
  });

  it('a model that is mounted is in neither image nor context', async () => {
    const files = { 'requirements.txt': 'six==1.17.0\n', 'model/w.bin': '' };
    const { dockerfile, dockerignore, because } = await generate(files, { model: 'model' });
    expect(dockerfile).toContain('MODEL_DIR="/app/model"');
    expect(dockerfile).not.toContain('"model"');
    expect(dockerignore).not.toContain('!model');
    expect(because).toContain('The model is to be mounted at /app/model.');
  });

  it("the project's .dockerignore holds, except for what the image needs", async () => {
    const { dockerignore, because } = await generate(
      {
        'requirements.txt': 'six==1.17.0\n',
        'model/w.bin': '',
        '.dockerignore': '# ours\nmodel\n*.csv\n!service/**/.env\n',
      },
      { model: 'model', modelDelivery: 'baked' },
    );
    const lines = dockerignore.split('\n');
    expect(lines).toEqual(expect.arrayContaining(['# ours', '*.csv']));
    expect(lines.lastIndexOf('!model')).toBeGreaterThan(lines.indexOf('model'));
    expect(lines.indexOf('**/.env')).toBeGreaterThan(lines.indexOf('!service/**/.env'));
    expect(because.join()).toContain('.dockerignore leaves model out');
  });

  it.each([
    [{ 'requirements.txt': 'six\n-e .\n' }, { file: 'requirements.txt', line: 2 }],
    [{ 'requirements.txt': 'six\n-r missing.txt\n' }, { file: 'requirements.txt', line: 2 }],
    [
      { 'pdm.lock': '', 'pyproject.toml': pyproject },
      { file: 'pdm.lock', line: 1 },
    ],
    [{ 'pyproject.toml': '[project\n' }, { file: 'pyproject.toml', line: 1 }],
    [
      { 'Pipfile.lock': '{', Pipfile: '' },
      { file: 'Pipfile.lock', line: 1 },
    ],
    [{ 'environment.yml': 'a: [\n' }, { file: 'environment.yml' }],
    [{ 'setup.py': '' }, {}],
  ])('%j is refused with its place', async (files, place) => {
    await expect(generate(files)).rejects.toMatchObject({ name: 'UserError', place });
  });
});
