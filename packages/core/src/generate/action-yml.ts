import { stringify } from 'yaml';
import type { Action } from '../action.ts';
import type { Input } from '../input.ts';

/** The action.yml of a declaration. */
export function actionYml(action: Action): string {
  const manifest = {
    name: action.title,
    description: action.description,
    branding: action.branding,
    inputs: Object.fromEntries(
      Object.entries(action.inputs).map(([name, input]) => [
        name,
        {
          description: describeInput(input),
          required: false,
          // Only what the runner must evaluate; any other default here would hide mlops.yaml.
          ...(input.fromRunner === undefined ? {} : { default: input.fromRunner }),
        },
      ]),
    ),
    outputs: Object.fromEntries(
      Object.entries(action.outputs).map(([name, description]) => [name, { description }]),
    ),
    runs: {
      using: 'node24',
      main: 'dist/index.js',
      ...(action.post ? { post: 'dist/index.js', 'post-if': 'always()' } : {}),
    },
  };
  return `# Generated from src/action.ts by 'pnpm generate'; change it there.\n${stringify(manifest, { lineWidth: 110 })}`;
}

function describeInput(input: Input): string {
  const default_ = defaultText(input);
  const tail = input.required
    ? ' Required, here or in mlops.yaml.'
    : default_ === undefined
      ? ''
      : ` Default: \`${default_}\`.`;
  return `${input.description}${tail}`;
}

/** A default as a user would write it. */
export function defaultText(input: Input): string | undefined {
  const value = input.default;
  // An empty list is what leaving the input out means anyway.
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return undefined;
  return typeof value === 'string' ? value : JSON.stringify(value);
}
