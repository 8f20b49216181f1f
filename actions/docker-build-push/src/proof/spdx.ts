import { UserError } from '@mlops/core';
import * as z from 'zod';
import type { ImageSource } from '../image/facts.ts';
import {
  type Component,
  type CycloneDx,
  cycloneDx,
  type Described,
  describedComponent,
  type Hash,
} from './cyclonedx.ts';
import { statementsIn } from './in-index.ts';
import { predicates } from './predicate.ts';
import type { Subject } from './subject.ts';

const packageSchema = z.looseObject({
  SPDXID: z.string(),
  name: z.string(),
  versionInfo: z.string().optional(),
  supplier: z.string().optional(),
  downloadLocation: z.string().optional(),
  licenseConcluded: z.string().optional(),
  licenseDeclared: z.string().optional(),
  copyrightText: z.string().optional(),
  primaryPackagePurpose: z.string().optional(),
  description: z.string().optional(),
  checksums: z.array(z.looseObject({ algorithm: z.string(), checksumValue: z.string() })).optional(),
  externalRefs: z
    .array(z.looseObject({ referenceType: z.string(), referenceLocator: z.string() }))
    .optional(),
});

/** As much of SPDX 2.2 and 2.3 (spdx.github.io/spdx-spec/v2.3) as a bill of an image is read for. */
export const spdxSchema = z.looseObject({
  spdxVersion: z.string().regex(/^SPDX-2\.[23]$/),
  SPDXID: z.string(),
  name: z.string(),
  creationInfo: z.looseObject({ created: z.string(), creators: z.array(z.string()) }).optional(),
  packages: z.array(packageSchema).nullish(),
  hasExtractedLicensingInfos: z
    .array(z.looseObject({ licenseId: z.string(), name: z.string().optional() }))
    .nullish(),
  relationships: z
    .array(
      z.looseObject({
        spdxElementId: z.string(),
        relatedSpdxElement: z.string(),
        relationshipType: z.string(),
      }),
    )
    .nullish(),
});

export type Spdx = z.infer<typeof spdxSchema>;
type Package = z.infer<typeof packageSchema>;

/** A bill of materials that BuildKit's scanner made. */
export interface ImageBill {
  /** The image that it is of: of an index, that for one platform. */
  digest: string;
  spdx: Spdx;
}

/**
 * The bills of materials in an index, of a registry or of a layout; empty where the build was made without any.
 *
 * @throws UserError for what calls itself one and is none
 */
export async function billsIn(
  source: ImageSource,
  attestations: Subject['attestations'],
): Promise<ImageBill[]> {
  const bills: ImageBill[] = [];
  for (const one of await statementsIn(source, attestations)) {
    if (one.predicateType !== predicates.spdx) continue;
    bills.push({ digest: one.about, spdx: readSpdx((await one.read()).predicate, source.name) });
  }
  return bills;
}

/** @throws UserError for what is no SPDX 2 document */
export function readSpdx(document: unknown, shown: string): Spdx {
  const parsed = spdxSchema.safeParse(document);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(
    `the bill of materials of ${shown} is no SPDX 2 document: '${issue?.path.join('.')}': ${issue?.message}`,
    { advice: 'Use the scanner that BuildKit brings along (sbom: true), or another that writes SPDX 2.3.' },
  );
}

/**
 * The same packages in CycloneDX 1.6, with their licences, hashes and what depends on what. Single files are left out.
 */
export function toCycloneDx(spdx: Spdx, image?: Described): CycloneDx {
  const packages = spdx.packages ?? [];
  const relationships = spdx.relationships ?? [];
  const described = relationships
    .filter(
      ({ spdxElementId, relationshipType }) =>
        spdxElementId === spdx.SPDXID && relationshipType === 'DESCRIBES',
    )
    .map(({ relatedSpdxElement }) => relatedSpdxElement);
  const licences = new Map((spdx.hasExtractedLicensingInfos ?? []).map((one) => [one.licenseId, one.name]));
  const root = image && describedComponent(image);
  // Scanners describe the image, or the folder that they saw of it, as a package that contains the others.
  const isRoot = ({ SPDXID, primaryPackagePurpose }: Package) =>
    described.includes(SPDXID) && (described.length === 1 || primaryPackagePurpose === 'CONTAINER');
  const main = root ? packages.find(isRoot) : undefined;
  const refOf = (id: string) => (root && id === main?.SPDXID ? root['bom-ref'] : id);
  const components = [...new Map(packages.map((one) => [one.SPDXID, one])).values()]
    .filter((one) => one !== main)
    .map((one) => componentOf(one, licences));
  const known = new Set([...components.map((one) => one['bom-ref']), ...(root ? [root['bom-ref']] : [])]);
  const edges = new Map<string, Set<string>>();
  for (const { spdxElementId, relatedSpdxElement, relationshipType } of relationships) {
    const pair = edgeOf(relationshipType, refOf(spdxElementId), refOf(relatedSpdxElement));
    if (!pair || pair[0] === pair[1] || !pair.every((one) => known.has(one))) continue;
    edges.set(pair[0], (edges.get(pair[0]) ?? new Set()).add(pair[1]));
  }
  const { created, creators = [] } = spdx.creationInfo ?? {};
  const tools = creators.flatMap((one) => /^Tool: (.+)$/.exec(one)?.[1] ?? []);
  return cycloneDx({
    metadata: {
      ...(created && !Number.isNaN(Date.parse(created)) && { timestamp: created }),
      ...(tools.length && {
        tools: { components: tools.map((name) => ({ type: 'application' as const, name })) },
      }),
      ...(root && { component: root }),
    },
    components,
    dependencies: [...edges].map(([ref, on]) => ({ ref, dependsOn: [...on].sort() })),
  });
}

/** Who depends on whom. */
function edgeOf(type: string, from: string, to: string): [string, string] | undefined {
  if (['DEPENDS_ON', 'CONTAINS', 'DYNAMIC_LINK', 'STATIC_LINK'].includes(type)) return [from, to];
  if (['DEPENDENCY_OF', 'RUNTIME_DEPENDENCY_OF', 'CONTAINED_BY'].includes(type)) return [to, from];
  return undefined;
}

function componentOf(one: Package, licences: ReadonlyMap<string, string | undefined>): Component {
  const reference = (kind: RegExp) =>
    one.externalRefs?.find(({ referenceType }) => kind.test(referenceType))?.referenceLocator;
  const [purl, cpe] = [reference(/^purl$/), reference(/^cpe2[23]Type$/)];
  const hashes = (one.checksums ?? []).flatMap(hashOf);
  const supplier = /^(?:Organization|Person): (.+?)(?: \(.*\))?$/.exec(one.supplier ?? '')?.[1];
  const licence = asserted(one.licenseConcluded) ?? asserted(one.licenseDeclared);
  const copyright = asserted(one.copyrightText);
  const url = asserted(one.downloadLocation);
  return {
    ...{ type: typeOf(one), 'bom-ref': one.SPDXID, name: one.name },
    ...(one.versionInfo && { version: one.versionInfo }),
    ...(one.description && { description: one.description }),
    ...(supplier && { supplier: { name: supplier } }),
    ...(purl && { purl }),
    ...(cpe && { cpe }),
    ...(hashes.length && { hashes }),
    ...(licence && { licenses: [licenceOf(licence, licences)] }),
    ...(copyright && { copyright }),
    ...(url && URL.canParse(url) && { externalReferences: [{ type: 'distribution', url }] }),
  };
}

function typeOf({ primaryPackagePurpose = '' }: Package): Component['type'] {
  const purpose = primaryPackagePurpose.toLowerCase();
  const same = [
    'application',
    'framework',
    'library',
    'container',
    'operating-system',
    'device',
    'firmware',
    'file',
  ];
  return (same.find((one) => one === purpose) ?? 'library') as Component['type'];
}

/** CycloneDX's names of SPDX's algorithms, of those that it has. */
function hashOf({ algorithm, checksumValue }: { algorithm: string; checksumValue: string }): Hash[] {
  const alg = algorithm.replace(/^SHA(1|256|384|512)$/, 'SHA-$1').replace(/^BLAKE2B/, 'BLAKE2b');
  return /^(?:MD5|SHA-(?:1|256|384|512)|SHA3-(?:256|384|512)|BLAKE2b-(?:256|384|512)|BLAKE3)$/.test(alg)
    ? [{ alg, content: checksumValue.toLowerCase() }]
    : [];
}

function asserted(value: string | undefined): string | undefined {
  return value && value !== 'NOASSERTION' && value !== 'NONE' ? value : undefined;
}

/** A licence that the document itself defines has a name there; any other is an expression. */
function licenceOf(licence: string, names: ReadonlyMap<string, string | undefined>) {
  return /^LicenseRef-\S+$/.test(licence)
    ? { license: { name: names.get(licence) ?? licence.replace('LicenseRef-', '') } }
    : { expression: licence };
}
