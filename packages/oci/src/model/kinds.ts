/** What a file is to a model, as the media types of the CNCF model specification tell it. */
export type Kind = 'weight' | 'weight.config' | 'doc' | 'code' | 'dataset';

export const artifactType = 'application/vnd.cncf.model.manifest.v1+json';
export const configType = 'application/vnd.cncf.model.config.v1+json';

export const annotations = {
  filepath: 'org.cncf.model.filepath',
  metadata: 'org.cncf.model.file.metadata+json',
  untested: 'org.cncf.model.file.mediatype.untested',
} as const;

export type Form = 'raw' | 'tar' | 'tar+gzip' | 'tar+zstd';

/** The media type of a layer that is one file of this kind, as it is. */
export function rawType(kind: Kind): string {
  return `application/vnd.cncf.model.${kind}.v1.raw`;
}

/** Undefined for what is no layer of a model. */
export function readLayerType(mediaType: string): { kind: Kind; form: Form } | undefined {
  const [, kind, form] =
    /^application\/vnd\.cncf\.model\.(weight|weight\.config|doc|code|dataset)\.v1\.(raw|tar|tar\+gzip|tar\+zstd)$/.exec(
      mediaType,
    ) ?? [];
  return kind && form ? { kind: kind as Kind, form: form as Form } : undefined;
}

const words = (text: string) => new Set(text.split(/\s+/));

const weights = words(
  `safetensors bin pt pth pt2 pte ptl mar onnx onnx_data gguf ggml h5 hdf5 keras pb tflite ckpt checkpoint params
  pkl pickle joblib npz npy ubj msgpack mlmodel engine trt llamafile skops cbm xgb model weights pdparams`,
);
const configs = words('json jsonl json5 yaml yml toml ini cfg conf xml vocab tiktoken jinja');
const configNames = words(
  'vocab.txt merges.txt added_tokens.txt tokenizer.model spiece.model sentencepiece.bpe.model tiktoken.model mlmodel',
);
const docs = words('md rst txt pdf html tex bib png jpg jpeg svg');
const docNames = words(
  'readme license licence notice model_card modelcard changelog citation authors copying',
);
const code = words('py pyi ipynb sh r jl c cc cpp h cu js ts java go rs sql lock so');
const codeNames = words(
  'requirements.txt makefile dockerfile pipfile pyproject.toml setup.cfg conda.yaml conda.yml',
);
const datasets = words('csv tsv parquet arrow feather tfrecord lmdb');
const datasetFolders = words('data dataset datasets');

/** Larger files of unknown names are taken for weights, smaller ones for code, as modctl of the same project does. */
const weightBytes = 128e6;

/** A file's kind by its name, and whether that is no more than a guess from its size. */
export function kindOf(path: string, bytes: number): { kind: Kind; guessed: boolean } {
  const kind = knownKind(path);
  return kind ? { kind, guessed: false } : { kind: bytes > weightBytes ? 'weight' : 'code', guessed: true };
}

function knownKind(path: string): Kind | undefined {
  const parts = path.toLowerCase().split('/');
  const name = parts.pop() ?? '';
  const stem = name.split('.')[0] ?? '';
  const extension = name.includes('.') ? (name.split('.').at(-1) ?? '') : '';
  if (codeNames.has(name) || (name.startsWith('requirements') && extension === 'txt')) return 'code';
  if (configNames.has(name)) return 'weight.config';
  if (docNames.has(stem)) return 'doc';
  // LightGBM writes its trees as text.
  if (weights.has(extension) || name === 'model.txt') return 'weight';
  if (datasets.has(extension) || parts.some((part) => datasetFolders.has(part))) return 'dataset';
  if (configs.has(extension)) return 'weight.config';
  if (code.has(extension)) return 'code';
  if (docs.has(extension)) return 'doc';
  return undefined;
}

const formats: Record<string, string> = { pth: 'pt', hdf5: 'h5', pickle: 'pkl', hdf: 'h5' };

/** What the specification calls `format`, when all weights are of one: `safetensors`, `onnx`, `gguf`, `pt` and so on. */
export function formatOf(weightPaths: readonly string[]): string | undefined {
  const extensions = weightPaths.map((path) => path.toLowerCase().split('.').at(-1) ?? '');
  const found = new Set(extensions.map((extension) => formats[extension] ?? extension));
  const [format] = found;
  return found.size === 1 && format && weights.has(format) ? format : undefined;
}
