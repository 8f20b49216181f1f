import { recordSchema } from '@mlops/core/generate';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import {
  statementBytes,
  trainingPredicate,
  trainingSchema,
  trainingStatement,
} from '../../src/proof/index.ts';
import { digest, sampleRecord, sampleSubject } from './records.ts';

const source = {
  ...{ uri: 'https://github.com/acme/tumor', commit: sampleRecord().run.commit, tree: 'a'.repeat(40) },
  ...{ dirty: false, files: { digest: digest('2'), count: 12 } },
};

it('the predicate has a JSON Schema that takes it, and nothing else', () => {
  const ajv = addFormats.default(new Ajv2020());
  const validate = ajv.compile(recordSchema('training.json', trainingSchema));
  const { predicate } = trainingStatement(sampleRecord(), sampleSubject, { source });
  expect(validate(JSON.parse(JSON.stringify(predicate)))).toBe(true);
  expect(validate({ ...predicate, source: { ...predicate.source, tree: 1 } })).toBe(false);
  expect(validate({ ...predicate, more: 1 })).toBe(false);
});

describe('trainingStatement', () => {
  it('is an in-toto statement about the index and every image in it', () => {
    const statement = trainingStatement(sampleRecord(), sampleSubject);
    expect(statement).toMatchObject({
      _type: 'https://in-toto.io/Statement/v1',
      predicateType: trainingPredicate,
      subject: [
        { name: 'ghcr.io/acme/tumor', digest: { sha256: '0'.repeat(64) } },
        { digest: { sha256: '5'.repeat(64) }, annotations: { platform: 'linux/amd64' } },
        { digest: { sha256: '6'.repeat(64) }, annotations: { platform: 'linux/arm64' } },
      ],
    });
    expect(trainingSchema.safeParse(statement.predicate).error).toBeUndefined();
  });

  it('tells data, code, environment, parameters, metrics, model, verdict and package', () => {
    const { predicate } = trainingStatement(sampleRecord(), sampleSubject, {
      ...{ source, builder: { id: 'https://github.com/acme/tumor/.github/workflows/ml.yml' } },
      metricsFiles: [{ path: 'metrics.json', digest: digest('e'), bytes: 40 }],
    });
    expect(predicate.run.url).toBe('https://github.com/acme/tumor/actions/runs/42');
    expect(predicate.source).toEqual({
      ...{ repository: 'acme/tumor', ref: 'refs/heads/main', checkout: source.commit, ...source },
    });
    expect(predicate.environments[0]?.lock).toEqual({ path: 'requirements.txt', digest: digest('b') });
    const [training] = predicate.trainings;
    expect(training?.data.map(({ path, digest }) => [path, digest])).toEqual([
      ['data.csv', digest('1')],
      ['train.py', digest('3')],
    ]);
    expect(training).toMatchObject({
      ...{ parameters: { depth: 8, seed: 7 }, metrics: { accuracy: 0.9718, auc: 'NaN' } },
      ...{ model: { path: 'model.json', digest: digest('d'), bytes: 180 } },
    });
    expect(predicate.gates[0]).toMatchObject({
      ...{ verdict: 'pass', predictions: digest('7'), testSet: digest('8') },
      evidence: expect.stringMatching(/^sha256:/),
    });
    expect(predicate.packages[0]?.digest).toBe(digest('9'));
  });

  it('has the same bytes whatever the order of keys, and others for any other fact', () => {
    const record = sampleRecord();
    const reversed = JSON.parse(JSON.stringify(record), (_, value) =>
      value && typeof value === 'object' && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).reverse())
        : value,
    );
    const bytes = statementBytes(trainingStatement(record, sampleSubject));
    expect(statementBytes(trainingStatement(reversed, sampleSubject))).toEqual(bytes);
    const [rule] = record.jobs[0]?.gates[0]?.rules ?? [];
    if (rule) rule.explanation = 'another'; // It stands in the evidence only.
    expect(statementBytes(trainingStatement(record, sampleSubject))).not.toEqual(bytes);
  });

  it('says what was checked out, and whether that was changed', () => {
    const of = (changes: object) =>
      trainingStatement(sampleRecord(), sampleSubject, { source: { ...source, ...changes } }).predicate
        .source;
    expect(of({})).toMatchObject({ dirty: false, checkout: sampleRecord().run.commit });
    expect(of({ dirty: true }).dirty).toBe(true);
    expect(of({ commit: 'b'.repeat(40) })).toMatchObject({ dirty: false, checkout: 'b'.repeat(40) });
    expect(trainingStatement(sampleRecord(), sampleSubject).predicate.source.checkout).toBeNull();
  });

  it('leaves out the other trainings of the run when one is named', () => {
    const record = sampleRecord();
    const [job] = record.jobs;
    const [training] = job?.trainings ?? [];
    const [gate] = job?.gates ?? [];
    if (!job || !training || !gate) throw new Error('the sample has a training');
    job.trainings.push({ ...training, name: 'other', model: null });
    const names = (name?: string) =>
      trainingStatement(record, sampleSubject, { training: name }).predicate.trainings.map((one) => one.name);
    expect(names()).toEqual(['model', 'other']);
    expect(names('other')).toEqual(['other']);
    expect(trainingStatement(record, sampleSubject, { training: 'model' }).predicate.gates).toHaveLength(1);
    job.gates.push({ ...gate, name: 'second' });
    const { gates, packages } = trainingStatement(record, sampleSubject, { training: 'other' }).predicate;
    expect([gates, packages]).toEqual([[], []]);
  });
});
