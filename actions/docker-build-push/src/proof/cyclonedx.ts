import { hashText } from '@mlops/core/hash';
import { canonical } from './statement.ts';

/**
 * As much of CycloneDX 1.6 (ECMA-424, cyclonedx.org/docs/1.6/json) as is written here: software and models with their
 * data.
 */
export interface CycloneDx {
  bomFormat: 'CycloneDX';
  specVersion: '1.6';
  serialNumber: string;
  version: number;
  metadata: {
    timestamp?: string;
    tools?: { components: Component[] };
    component?: Component;
    properties?: Property[];
  };
  components: Component[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

export interface Component {
  type:
    | 'application'
    | 'framework'
    | 'library'
    | 'container'
    | 'operating-system'
    | 'device'
    | 'firmware'
    | 'file'
    | 'machine-learning-model'
    | 'data';
  'bom-ref'?: string;
  name: string;
  version?: string;
  description?: string;
  supplier?: { name: string };
  copyright?: string;
  purl?: string;
  cpe?: string;
  hashes?: Hash[];
  licenses?: ({ expression: string } | { license: { name: string } })[];
  externalReferences?: { type: string; url: string }[];
  modelCard?: ModelCard;
  data?: { type: 'dataset'; name: string }[];
  properties?: Property[];
}

export interface Hash {
  alg: string;
  content: string;
}

export interface Property {
  name: string;
  value: string;
}

export interface ModelCard {
  modelParameters?: {
    task?: string;
    architectureFamily?: string;
    datasets?: { ref: string }[];
  };
  quantitativeAnalysis?: { performanceMetrics: PerformanceMetric[] };
  properties?: Property[];
}

export interface PerformanceMetric {
  type: string;
  value: string;
  slice?: string;
  confidenceInterval?: { lowerBound: string; upperBound: string };
}

/** Completes a bill: its serial number follows from its content, so that the same content is the same bill. */
export function cycloneDx(content: Pick<CycloneDx, 'metadata' | 'components' | 'dependencies'>): CycloneDx {
  const hex = hashText(canonical(content)).slice('sha256:'.length);
  // A UUID of version 8 (RFC 9562), which is for those that follow from something.
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 3) | 8).toString(16);
  const uuid = [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-');
  return {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', serialNumber: `urn:uuid:${uuid}`, version: 1 },
    ...content,
  };
}

/** What is attested in a registry, as the component that a bill is of. */
export interface Described {
  name: string;
  digest: string;
  /** Default: container. */
  type?: 'container' | 'file' | undefined;
}

export function describedComponent({ name, digest, type = 'container' }: Described) {
  return {
    ...{ type, 'bom-ref': digest, name, version: digest, purl: ociPurl(name, digest) },
    hashes: hashesOf(digest),
  };
}

/** How another document names a bill (cyclonedx.org/capabilities/bomlink). */
export function bomLink({ serialNumber, version }: Pick<CycloneDx, 'serialNumber' | 'version'>): string {
  return `urn:cdx:${serialNumber.replace('urn:uuid:', '')}/${version}`;
}

/** `sha256:ab…` as CycloneDX has it; none for what is no digest of plain bytes. */
export function hashesOf(digest: string): Hash[] {
  const [algorithm = '', content = ''] = digest.split(':');
  const alg = { sha256: 'SHA-256', sha512: 'SHA-512', md5: 'MD5' }[algorithm];
  return alg && /^[0-9a-f]+$/.test(content) ? [{ alg, content }] : [];
}

/** An image or artifact in a registry, as a package URL (purl-spec, types/oci). */
function ociPurl(name: string, digest: string): string {
  const last = name.slice(name.lastIndexOf('/') + 1).toLowerCase();
  return `pkg:oci/${last}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(name.toLowerCase())}`;
}
