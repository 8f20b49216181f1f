import { formatAttributes, parseAttributes } from './attributes.ts';

export interface AttestationRequest {
  sbom?: string | undefined;
  provenance?: string | undefined;
  /** As `buildx --attest` takes them. */
  attests: readonly string[];
  isPrivate: boolean;
  /** Address of the run, which the provenance names as its builder. */
  runUrl: string | undefined;
  /** Whether the result can hold attestations: not where the target refuses an index. */
  canHold: boolean;
  /** Whether there is provenance unless it was said otherwise: not in Docker's own store, which may not take any. */
  byDefault: boolean;
}

/**
 * The attestations of a build, for `--attest`. Provenance is on unless it was said otherwise, in the mode min for private
 * repositories: mode max has the values of build arguments.
 */
export function attestationsOf(request: AttestationRequest): string[] {
  const { sbom, provenance, attests, isPrivate, runUrl, canHold, byDefault } = request;
  // None are attached by default, see buildEnvironment.
  if (!canHold) return [];
  const types = new Set(attests.map((attest) => parseAttributes(attest).get('type')));
  return [
    ...attests.map((attest) => withBuilder(attest, runUrl)),
    ...(types.has('provenance') || (!byDefault && provenance === undefined)
      ? []
      : [
          withBuilder(named('provenance', provenance ?? 'true', `mode=${isPrivate ? 'min' : 'max'}`), runUrl),
        ]),
    ...(sbom === undefined || types.has('sbom') ? [] : [named('sbom', sbom, '')]),
  ];
}

/** `true`, `false` or attributes, as `--provenance` and `--sbom` take them. */
function named(type: string, value: string, ifTrue: string): string {
  if (value === 'false') return formatAttributes({ type, disabled: 'true' });
  const attributes = parseAttributes(value === 'true' ? ifTrue : value);
  return formatAttributes(new Map([['type', type], ...attributes]));
}

function withBuilder(attest: string, runUrl: string | undefined): string {
  const attributes = parseAttributes(attest);
  const takesIt = attributes.get('type') === 'provenance' && attributes.get('disabled') !== 'true';
  if (takesIt && runUrl && !attributes.has('builder-id')) attributes.set('builder-id', runUrl);
  return formatAttributes(attributes);
}
