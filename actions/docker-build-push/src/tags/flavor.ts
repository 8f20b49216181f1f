import { suggest } from '@mlops/core';
import { meaningful, oneOf, parseFields, wrong } from './fields.ts';

/** What holds for all tags. */
export interface Flavor {
  /** Whether there is a tag `latest`; `auto` leaves it to the rule that gave the version. */
  latest: 'auto' | 'true' | 'false';
  /** Before and after each tag that does not bring its own; templates. */
  prefix: string;
  suffix: string;
  /** Whether they go around `latest`, too. */
  prefixLatest: boolean;
  suffixLatest: boolean;
}

const input = 'flavor';
const keys = ['latest', 'prefix', 'suffix', 'onlatest'];

/**
 * Reads lines such as `latest=auto` and `suffix=-cuda,onlatest=true`; `onlatest` belongs to the prefix or suffix before
 * it on the same line.
 *
 * @throws UserError for an unknown attribute or value
 */
export function parseFlavor(lines: readonly string[]): Flavor {
  const flavor: Flavor = { latest: 'auto', prefix: '', suffix: '', prefixLatest: false, suffixLatest: false };
  for (const line of meaningful(lines)) {
    let last: 'prefix' | 'suffix' | undefined;
    for (const field of parseFields(line, input)) {
      const { key, value } = field;
      if (key === 'latest') flavor.latest = oneOf(['auto', 'true', 'false'], field, { input, line });
      else if (key === 'prefix' || key === 'suffix') {
        flavor[key] = value;
        last = key;
      } else if (key === 'onlatest') {
        const isOn = oneOf(['true', 'false'], field, { input, line }) === 'true';
        if (!last)
          throw wrong(input, line, "'onlatest' follows neither a prefix nor a suffix", {
            advice: 'Write it behind one of them, on the same line: suffix=-cuda,onlatest=true.',
          });
        flavor[`${last}Latest`] = isOn;
      } else
        throw wrong(input, line, key ? `unknown attribute '${key}'` : `'${value}' is no attribute`, {
          advice: suggest(key ?? value, keys),
        });
    }
  }
  return flavor;
}
