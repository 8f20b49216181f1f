import { defineAction, flag, integer, list, text } from '@mlops/core';

export const action = defineAction({
  name: 'package',
  title: 'Package a model',
  description:
    'Packs a model with the code that serves it into one archive, the same bytes for the same content, and uploads it as an artifact.',
  branding: { icon: 'package', color: 'purple' },
  inputs: {
    model: text({
      description:
        'File or folder of the model. Default: the model that `train` produced earlier in the same job.',
    }),
    include: list({
      description:
        'Files, folders and globs that serving needs, such as `serve.py`, `src` and `requirements.txt`. Caches and virtual environments in them are left out.',
      default: [],
    }),
    name: text({
      description:
        "Name of the package and of its artifact. Default: the model artifact's name with `-package` appended, so that the legs of a matrix do not collide.",
    }),
    upload: flag({ description: 'Whether to upload the package as an artifact.', default: true }),
    'retention-days': integer({
      description: "Days to keep the artifact. Default: the repository's setting.",
      min: 1,
      max: 400,
    }),
  },
  outputs: {
    'package-path': 'Path of the archive, a tar.',
    'package-digest': 'Digest of the archive, `sha256:<hex>`.',
    'artifact-name': 'Name of the uploaded artifact.',
    bytes: 'Size of the archive in bytes.',
  },
});
