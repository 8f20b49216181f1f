export type { BakeFile, BakeFiles } from './bake-file.ts';
export { contextOf, type ImageContext, type RepositoryFacts } from './context.ts';
export { type DescribeOptions, describeImage, type ImageDescription } from './describe.ts';
export { annotationLevels, modelLabels } from './labels.ts';
export { defaultRules, ruleTypes } from './rules.ts';
export { tagGrammar, validTag } from './valid-tag.ts';
