import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseAnnotation } from '../../src/engine/annotation.ts';

// As @actions/core writes them.
const escapeMessage = (text: string) =>
  text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string) => escapeMessage(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

const awkward = fc.string({
  unit: fc.constantFrom('a', ' ', ':', '::', ',', '=', '%', '%25', '%0A', '\n', '\r', 'é'),
});

it('gives back what was written', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('notice', 'warning', 'error'),
      awkward,
      awkward.filter(Boolean),
      fc.integer({ min: 1 }),
      (level, message, title, line) => {
        const command = `::${level} title=${escapeProperty(title)},line=${line}::${escapeMessage(message)}`;
        expect(parseAnnotation(`${command}\r\n`)).toEqual({ level, message, title, line });
        expect(parseAnnotation(`::${level}::${escapeMessage(message)}\n`)).toEqual({ level, message });
      },
    ),
  );
});

it('sees no annotation in other lines', () => {
  for (const line of ['', 'an ::error::', '::group::a', '::errors::a', '::error a']) {
    expect(parseAnnotation(line)).toBeUndefined();
  }
});
