import type { Action } from '../action.ts';
import { UserError } from '../errors.ts';
import type { Input } from '../input.ts';
import { defaultText } from './action-yml.ts';

/** The README with the tables between its `<!-- inputs -->` and `<!-- outputs -->` markers made anew. */
export function withTables(readme: string, action: Action, file: string): string {
  return between(between(readme, 'inputs', inputTable(action), file), 'outputs', outputTable(action), file);
}

/** `text` with what stands between `<!-- name -->` and `<!-- /name -->` replaced. */
export function between(text: string, name: string, content: string, file: string): string {
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start)
    throw new UserError(`the markers '${open}' and '${close}' are missing`, {
      file,
      advice: 'Put both where the generated part belongs, each on a line of its own.',
    });
  return `${text.slice(0, start + open.length)}\n\n${content}\n\n${text.slice(end)}`;
}

function inputTable(action: Action): string {
  const rows = Object.entries(action.inputs).map(
    ([name, input]) =>
      `| \`${name}\` | ${kindOf(input)} | ${defaultCell(input)} | ${cell(input.description)} |`,
  );
  return ['| Input | Kind | Default | Meaning |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function outputTable(action: Action): string {
  const rows = Object.entries(action.outputs).map(
    ([name, description]) => `| \`${name}\` | ${cell(description)} |`,
  );
  return ['| Output | Meaning |', '| --- | --- |', ...rows].join('\n');
}

function defaultCell(input: Input): string {
  if (input.required) return '**required**';
  const value = input.fromRunner ?? defaultText(input);
  return value === undefined ? '' : `\`${cell(value)}\``;
}

function kindOf({ schema, secret, form }: Input): string {
  if (secret) return 'secret';
  if (typeof schema === 'function') return form === 'text-or-yaml' ? 'text \\| YAML' : 'YAML';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'boolean') return '`true` \\| `false`';
  if (schema.type !== 'string') return schema.type;
  if (schema.enum) return schema.enum.map((word) => `\`${word}\``).join(' \\| ');
  return schema.pattern ? 'duration' : 'text';
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
