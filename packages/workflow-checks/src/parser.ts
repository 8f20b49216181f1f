import { registerHooks } from 'node:module';

/**
 * GitHub's own workflow parser. It imports its schemas as JSON without the import attribute that Node asks for, so a
 * loader hook adds the attribute for the files of that package alone.
 */
registerHooks({
  load: (url, context, nextLoad) =>
    url.includes('/@actions/workflow-parser/') && url.endsWith('.json')
      ? nextLoad(url, { ...context, importAttributes: { type: 'json' } })
      : nextLoad(url, context),
});

export const {
  parseWorkflow,
  NoOperationTraceWriter,
  isBasicExpression,
  isBoolean,
  isMapping,
  isNumber,
  isSequence,
  isString,
} = await import('@actions/workflow-parser');
export const { parseAction } = await import('@actions/workflow-parser/actions/action-parser');
export const { convertActionTemplate } = await import('@actions/workflow-parser/actions/action-template');
export const { getWorkflowSchema } = await import('@actions/workflow-parser/workflows/workflow-schema');
export const { convertJobs } = await import('@actions/workflow-parser/model/converter/jobs');
export const { convertOn } = await import('@actions/workflow-parser/model/converter/events');
export const { splitAllowedContext } = await import('@actions/workflow-parser/templates/allowed-context');
export const { TemplateToken } = await import('@actions/workflow-parser/templates/tokens/template-token');
