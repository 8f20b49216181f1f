import { readFile } from 'node:fs/promises';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CycloneDx, isMlBom, mlBom, readSpdx, type Spdx, toCycloneDx } from '../../src/proof/index.ts';
import { digest, sampleRecord } from './records.ts';

const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
/** Against CycloneDX's own JSON Schema, in its strict form. */
async function expectValid(bill: CycloneDx): Promise<void> {
  expect(await validator.validate(JSON.stringify(bill))).toBeNull();
  const refs = [bill.metadata.component, ...bill.components].flatMap((one) => one?.['bom-ref'] ?? []);
  expect(new Set(refs).size).toBe(refs.length);
  for (const { ref, dependsOn } of bill.dependencies)
    expect(refs).toEqual(expect.arrayContaining([ref, ...dependsOn]));
}

const image = { name: 'ghcr.io/acme/tumor', digest: digest('5') };

describe('toCycloneDx', () => {
  /** What syft, BuildKit's scanner, wrote of a small Debian with Python's pip. */
  const scanned = async () =>
    readSpdx(JSON.parse(await readFile(new URL('syft.spdx.json', import.meta.url), 'utf8')), 'the image');

  it('keeps every package with its version, purl and licence, and what depends on what', async () => {
    const bill = toCycloneDx(await scanned(), image);
    await expectValid(bill);
    expect(bill.metadata.component).toMatchObject({
      type: 'container',
      hashes: [{ alg: 'SHA-256', content: '5'.repeat(64) }],
    });
    expect(bill.metadata.component?.purl).toBe(
      `pkg:oci/tumor@sha256%3A${'5'.repeat(64)}?repository_url=ghcr.io%2Facme%2Ftumor`,
    );
    expect(bill.metadata.tools?.components.map(({ name }) => name)).toEqual(['syft-1.18.1']);
    const of = (name: string) => bill.components.find((one) => one.name === name);
    expect(bill.components.map(({ name }) => name)).not.toContain('rootfs');
    expect(of('pip')).toMatchObject({
      ...{ version: '23.2.1', purl: 'pkg:pypi/pip@23.2.1', licenses: [{ expression: 'MIT' }] },
      supplier: { name: 'The pip developers' },
    });
    const refOf = (name: string) => of(name)?.['bom-ref'] ?? name;
    const on = (ref: string) => bill.dependencies.find((one) => one.ref === ref)?.dependsOn;
    expect(on(refOf('bash'))).toContain(refOf('libtinfo6'));
    expect(on(image.digest)).toHaveLength(bill.components.length);
    expect(isMlBom(bill)).toBe(false);
  });

  it('is the same bill for the same document, and another for another', async () => {
    const spdx = await scanned();
    expect(toCycloneDx(spdx, image)).toEqual(toCycloneDx(structuredClone(spdx), image));
    const [first, ...rest] = spdx.packages ?? [];
    const without = { ...spdx, packages: first && rest } as Spdx;
    expect(toCycloneDx(without, image).serialNumber).not.toBe(toCycloneDx(spdx, image).serialNumber);
  });

  it('is valid whatever the packages are called, licensed and related by', async () => {
    const words = fc.string({ minLength: 1, maxLength: 12 });
    const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
    const checksum = fc.oneof(
      hex(40).map((checksumValue) => ({ algorithm: 'SHA1', checksumValue })),
      hex(64).map((checksumValue) => ({ algorithm: 'SHA256', checksumValue })),
      words.map((checksumValue) => ({ algorithm: 'ADLER32', checksumValue })),
    );
    const packages = fc.uniqueArray(
      fc.record(
        {
          SPDXID: fc.nat(20).map((id) => `SPDXRef-${id}`),
          name: words,
          versionInfo: words,
          supplier: fc.constantFrom(
            'NOASSERTION',
            'Organization: Acme',
            'Person: Ada (ada@example.org)',
            'x',
          ),
          downloadLocation: fc.oneof(words, fc.webUrl()),
          licenseDeclared: fc.constantFrom(
            'NONE',
            'MIT',
            'MIT OR Apache-2.0',
            'LicenseRef-a',
            'LicenseRef-b',
          ),
          copyrightText: words,
          primaryPackagePurpose: fc.constantFrom('CONTAINER', 'OPERATING-SYSTEM', 'SOURCE', 'FILE'),
          checksums: fc.array(checksum, { maxLength: 2 }),
        },
        { requiredKeys: ['SPDXID', 'name'] },
      ),
      { selector: ({ SPDXID }) => SPDXID, maxLength: 8 },
    );
    const relationships = fc.array(
      fc.record({
        spdxElementId: fc.oneof(
          fc.constant('SPDXRef-DOCUMENT'),
          fc.nat(20).map((id) => `SPDXRef-${id}`),
        ),
        relatedSpdxElement: fc.nat(20).map((id) => `SPDXRef-${id}`),
        relationshipType: fc.constantFrom('DESCRIBES', 'CONTAINS', 'DEPENDENCY_OF', 'DEPENDS_ON', 'OTHER'),
      }),
    );
    await fc.assert(
      fc.asyncProperty(packages, relationships, fc.boolean(), async (packages, relationships, named) => {
        const document = {
          ...{ spdxVersion: 'SPDX-2.3', SPDXID: 'SPDXRef-DOCUMENT', name: 'x', packages, relationships },
          hasExtractedLicensingInfos: [{ licenseId: 'LicenseRef-a', name: 'A' }],
        };
        await expectValid(toCycloneDx(readSpdx(document, 'x'), named ? image : undefined));
      }),
    );
  });

  it('refuses what is no SPDX, in words', () => {
    expect(() => readSpdx({ spdxVersion: 'SPDX-3.0' }, 'the image')).toThrow(/is no SPDX 2 document/);
    expect(() => readSpdx(undefined, 'the image')).toThrow(/is no SPDX 2 document/);
  });
});

describe('mlBom', () => {
  it('lists the model with its data, code, parameters and metrics, and links the image and its bill', async () => {
    const record = sampleRecord();
    const [gate] = record.jobs[0]?.gates ?? [];
    const interval = { low: 0.96, high: 0.98, confidence: 0.95 };
    if (!gate) throw new Error('the sample has a gate');
    gate.metrics = [
      {
        ...{ name: 'accuracy', greaterIsBetter: true, candidate: 0.9718, baseline: 0.96, change: 0.01 },
        candidateInterval: interval,
      },
    ];
    const [rule] = gate.rules;
    if (rule)
      rule.slices = [
        {
          ...{
            column: 'site',
            value: 'Lyon',
            candidate: 0.93,
            baseline: null,
            change: null,
            explanation: '',
          },
          ...{ verdict: 'pass', interval: { low: 0.9, high: 0.95, confidence: 0.95 } },
        },
      ];
    const serialNumber = 'urn:uuid:01234567-89ab-cdef-0123-456789abcdef';
    const bill = mlBom(record, image, {
      facts: { task: 'image classification', architecture: 'gradient boosted trees', licence: 'MIT' },
      bills: [{ serialNumber, version: 1 }],
    });
    await expectValid(bill);
    const [data, code, model] = ['data', 'file', 'machine-learning-model'].map((type) =>
      bill.components.find((one) => one.type === type),
    );
    expect(data).toMatchObject({ name: 'data.csv', hashes: [{ alg: 'SHA-256', content: '1'.repeat(64) }] });
    expect(code?.name).toBe('train.py');
    expect(model?.modelCard).toMatchObject({
      modelParameters: { task: 'image classification', datasets: [{ ref: data?.['bom-ref'] }] },
      quantitativeAnalysis: {
        performanceMetrics: [
          {
            type: 'accuracy',
            value: '0.9718',
            confidenceInterval: { lowerBound: '0.96', upperBound: '0.98' },
          },
          { type: 'auc', value: 'NaN' },
          { type: 'accuracy', slice: 'site=Lyon', value: '0.93', confidenceInterval: { lowerBound: '0.9' } },
        ],
      },
      properties: expect.arrayContaining([{ name: 'mlops:parameter:depth', value: '8' }]),
    });
    expect(bill.dependencies).toContainEqual({ ref: image.digest, dependsOn: [model?.['bom-ref']] });
    expect(bill.metadata.component?.externalReferences).toEqual([
      { type: 'bom', url: 'urn:cdx:01234567-89ab-cdef-0123-456789abcdef/1' },
    ]);
    expect(isMlBom(bill)).toBe(true);
  });

  it('takes folders of DVC, libraries, and a run without any model', async () => {
    const record = sampleRecord();
    const [training] = record.jobs[0]?.trainings ?? [];
    if (!training) throw new Error('the sample has a training');
    training.stages[0]?.inputs.push({ path: 'images', digest: `md5:${'2'.repeat(32)}.dir`, bytes: 8 });
    training.determinism = {
      ...{ python: '3.12.1', libraries: { NumPy: '2.1.0', torch: '2.4.0+cu121' }, librariesLeftOut: 0 },
      ...{ seeds: { seed: '7' }, flags: {}, threads: {}, gpus: [], driver: null },
    };
    const bill = mlBom(record, image);
    await expectValid(bill);
    expect(bill.components.flatMap(({ purl }) => purl ?? [])).toEqual([
      ...['pkg:pypi/numpy@2.1.0', 'pkg:pypi/torch@2.4.0%2Bcu121'],
    ]);
    training.model = null;
    await expectValid(mlBom(record, image));
    expect(mlBom(record, image).components).toEqual([]);
  });
});
