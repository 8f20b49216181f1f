import {
  type GateRecord,
  givenInputs,
  type Measured,
  type RunRecord,
  type StageRecord,
  sliceName,
  type TrainingRecord,
} from '@mlops/core/record';
import {
  bomLink,
  type Component,
  type CycloneDx,
  cycloneDx,
  type Described,
  describedComponent,
  hashesOf,
  type PerformanceMetric,
  type Property,
} from './cyclonedx.ts';
import { gatesOf } from './statement.ts';

/** What a record does not tell of a model. */
export interface ModelCardFacts {
  /** Such as `image classification`. */
  task?: string | undefined;
  architecture?: string | undefined;
  description?: string | undefined;
  /** An SPDX expression. */
  licence?: string | undefined;
}

/**
 * The models of a run as a CycloneDX 1.6 machine-learning bill of materials: each with the data and code that it was
 * made of, its parameters, and its metrics with the slices and intervals that the gate found; linked to the image that
 * serves it, and to that image's own bill.
 */
export function mlBom(
  { run, jobs }: RunRecord,
  image: Described,
  {
    training: only,
    facts = {},
    bills = [],
  }: {
    training?: string | undefined;
    facts?: ModelCardFacts;
    /** Of the image's software. */
    bills?: readonly Pick<CycloneDx, 'serialNumber' | 'version'>[];
  } = {},
): CycloneDx {
  const trainings = jobs
    .flatMap((job) => job.trainings)
    .filter(({ name, model }) => model !== null && (only === undefined || name === only));
  const gates = jobs.flatMap((job) => job.gates);
  const components = new Map<string, Component>();
  const dependencies: CycloneDx['dependencies'] = [];
  const add = (component: Component & { 'bom-ref': string }) => {
    components.set(component['bom-ref'], component);
    return component['bom-ref'];
  };
  for (const training of trainings) {
    const given = givenInputs(training.stages);
    const data = given.filter(({ path }) => !isCode(path)).map((one) => add(dataOf(one)));
    const code = given.filter(({ path }) => isCode(path)).map((one) => add(fileOf(one)));
    const libraries = Object.entries(training.determinism?.libraries ?? {}).map(([name, version]) =>
      add(libraryOf(name, version)),
    );
    const [gate] = gatesOf(gates, training.name);
    const model = add(modelOf(training, gate, data, facts));
    dependencies.push({ ref: model, dependsOn: [...new Set([...data, ...code, ...libraries])].sort() });
  }
  const root = {
    ...describedComponent(image),
    ...(bills.length && { externalReferences: bills.map((one) => ({ type: 'bom', url: bomLink(one) })) }),
  };
  const models = dependencies.map(({ ref }) => ref);
  return cycloneDx({
    metadata: {
      timestamp: run.finishedAt,
      component: root,
      properties: propertiesOf('mlops:run:', {
        ...{ repository: run.repository, commit: run.commit, ref: run.ref, url: run.url, dirty: run.dirty },
      }),
    },
    components: [...components.values()],
    dependencies: [{ ref: root['bom-ref'], dependsOn: models }, ...dependencies],
  });
}

/** Whether a CycloneDX document is of models rather than of software. */
export function isMlBom(predicate: unknown): boolean {
  const { components } = (predicate ?? {}) as { components?: unknown };
  return (
    Array.isArray(components) &&
    components.some((one) => (one as { type?: unknown } | null)?.type === 'machine-learning-model')
  );
}

type Content = StageRecord['inputs'][number];

function dataOf(content: Content) {
  const name = content.path;
  return { ...partOf('data', content), data: [{ type: 'dataset' as const, name }] };
}

function fileOf(content: Content) {
  return partOf('file', content);
}

function partOf<T extends 'data' | 'file'>(type: T, { path, digest, bytes }: Content) {
  const hashes = hashesOf(digest);
  return {
    ...{ type, 'bom-ref': `${type}:${path}@${digest}`, name: path, version: digest },
    ...(hashes.length && { hashes }),
    properties: propertiesOf('mlops:', { digest, bytes }),
  };
}

/** From the package index of Python, as the training saw it. */
function libraryOf(name: string, version: string) {
  const normal = name.toLowerCase().replace(/[-_.]+/g, '-');
  const purl = `pkg:pypi/${encodeURIComponent(normal)}@${encodeURIComponent(version)}`;
  return { type: 'library' as const, 'bom-ref': purl, name, version, purl };
}

function modelOf(
  { name, model, parameters, metrics, determinism }: TrainingRecord,
  gate: GateRecord | undefined,
  data: readonly string[],
  { task, architecture, description, licence }: ModelCardFacts,
) {
  const digest = model?.digest ?? '';
  return {
    ...{
      type: 'machine-learning-model' as const,
      'bom-ref': `model:${name}@${digest}`,
      name,
      version: digest,
    },
    ...(description && { description }),
    hashes: hashesOf(digest),
    ...(licence && { licenses: [{ expression: licence }] }),
    modelCard: {
      modelParameters: {
        ...(task && { task }),
        ...(architecture && { architectureFamily: architecture }),
        ...(data.length && { datasets: data.map((ref) => ({ ref })) }),
      },
      quantitativeAnalysis: { performanceMetrics: performanceOf(metrics, gate) },
      properties: [
        ...propertiesOf('mlops:parameter:', parameters),
        ...propertiesOf('mlops:seed:', determinism?.seeds ?? {}),
        ...(gate ? propertiesOf('mlops:gate:', { verdict: gate.verdict }) : []),
      ],
    },
    properties: propertiesOf('mlops:', { path: model?.path ?? '', bytes: model?.bytes ?? 0 }),
  };
}

/** Every metric, with its interval where the gate knows one, and then what the gate found of slices. */
function performanceOf(
  metrics: TrainingRecord['metrics'],
  gate: GateRecord | undefined,
): PerformanceMetric[] {
  const judged = new Map((gate?.metrics ?? []).map((one) => [one.name, one]));
  const names = [...new Set([...Object.keys(metrics), ...judged.keys()])];
  const whole = names.flatMap((name) => {
    const value = metrics[name] ?? judged.get(name)?.candidate ?? undefined;
    return value === undefined ? [] : [metricOf(name, value, judged.get(name)?.candidateInterval)];
  });
  const slices = (gate?.rules ?? []).flatMap(({ metric, rule, slices = [] }) =>
    slices.flatMap((slice) => {
      if (slice.candidate === null) return [];
      // Of any other rule the interval is that of a change.
      const interval = rule === 'threshold' ? slice.interval : undefined;
      return [{ ...metricOf(metric, slice.candidate, interval), slice: sliceName(slice) }];
    }),
  );
  return [...whole, ...new Map(slices.map((one) => [`${one.type} ${one.slice}`, one])).values()];
}

function metricOf(
  type: string,
  value: Measured,
  interval: { low: Measured; high: Measured } | undefined,
): PerformanceMetric {
  return {
    ...{ type, value: String(value) },
    ...(interval && {
      confidenceInterval: { lowerBound: String(interval.low), upperBound: String(interval.high) },
    }),
  };
}

function propertiesOf(prefix: string, values: Record<string, unknown>): Property[] {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([name, value]) => ({
      name: prefix + name,
      value: typeof value === 'string' ? value : JSON.stringify(value),
    }));
}

/** Programs, and what configures and locks them; everything else that stages read is data. */
function isCode(path: string): boolean {
  return (
    /\.(?:py|pyi|ipynb|r|jl|sh|c|cc|cpp|h|cu|js|ts|java|go|rs|sql|ya?ml|toml|cfg|ini|lock)$/i.test(path) ||
    /(?:^|\/)(?:src|scripts|requirements[^/]*\.txt|Makefile|Dockerfile)$/.test(path)
  );
}
