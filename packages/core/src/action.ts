import { type Input, text } from './input.ts';

/** The inputs that every action has. */
export const commonInputs = {
  'working-directory': text({
    description: 'Folder that all other paths are relative to, itself relative to the workspace.',
    default: '.',
  }),
  config: text({
    description:
      'File with inputs for every action, relative to `working-directory`; optional unless named. Default: `mlops.yaml`.',
  }),
  environment: text({
    description:
      'Name of the overlay under `environments:` in the config file, such as `staging` or `production`.',
  }),
} as const;

type Inputs = Readonly<Record<string, Input>>;

/** What an action is: the one place where its inputs and outputs are named, typed, described and given defaults. */
export interface Declaration<
  I extends Inputs = Inputs,
  O extends Readonly<Record<string, string>> = Readonly<Record<string, string>>,
> {
  /** The folder's name under actions/, which is also its key in mlops.yaml. */
  name: string;
  /** The marketplace title. */
  title: string;
  description: string;
  /** Icon of GitHub's Feather set and colour, for the marketplace. */
  branding: {
    icon: string;
    color: 'white' | 'black' | 'yellow' | 'blue' | 'green' | 'orange' | 'red' | 'purple' | 'gray-dark';
  };
  inputs: I;
  /** Name → description. */
  outputs: O;
  /** Whether the action has a step that runs at the end of the job, whatever happened. */
  post?: boolean;
}

export type Action<
  I extends Inputs = Inputs,
  O extends Readonly<Record<string, string>> = Readonly<Record<string, string>>,
> = Declaration<I & typeof commonInputs, O>;

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** The inputs of an action as its code sees them: `model-path` is `modelPath`. */
export type InputsOf<A extends Action> = {
  readonly [K in keyof A['inputs'] & string as CamelCase<K>]: A['inputs'][K] extends Input<infer T>
    ? T
    : never;
};

/** The outputs of an action as its code sees them. */
export type OutputsOf<A extends Action> = {
  [K in keyof A['outputs'] & string as CamelCase<K>]: string | number | boolean;
};

/** Declares an action; adds the inputs that every action has. */
export function defineAction<const I extends Inputs, const O extends Readonly<Record<string, string>>>(
  declaration: Declaration<I, O>,
): Action<I, O> {
  return { ...declaration, inputs: { ...declaration.inputs, ...commonInputs } };
}

export function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
