import { givenInputs, type RunRecord } from '@mlops/core/record';
import { type Html, html, link } from '../html.ts';
import { type Model, modelsOf } from '../models.ts';
import { bytesText, countText, digestText } from '../text.ts';

/** Where each model came from and went to: commit, data, environment, model, package, image, deployment. */
export function lineagePart(record: RunRecord): Html {
  const models = modelsOf(record).filter(({ training }) => training.model);
  const digests = new Set(models.map(({ training }) => training.model?.digest));
  const rest = whatItBecame(record, (digest) => digest === null || !digests.has(digest));
  const chains = models.map((model) => ({
    name: models.length > 1 && model.label,
    links: [
      ...origin(record, model),
      ...whatItBecame(record, (digest) => digest === model.training.model?.digest),
    ],
  }));
  // What does not say which model it holds belongs to the only one.
  if (chains.length === 1) chains[0]?.links.push(...rest);
  else if (rest.length || !chains.length)
    chains.push({ name: models.length > 0 && 'Others', links: [commit(record), ...rest] });
  return html`${chains.map(({ name, links }) => html`${name && html`<h3>${name}</h3>`}<ul class="lineage">${links.map((one) => html`<li>${one}</li>`)}</ul>`)}`;
}

function commit({ run }: RunRecord): Html {
  return html`commit <code>${run.commit.slice(0, 7)}</code>${run.dirty && ' with uncommitted changes'}`;
}

function origin(record: RunRecord, { training, job }: Model): Html[] {
  const data = givenInputs(training.stages);
  const { model } = training;
  return [
    commit(record),
    ...(data.length
      ? [
          html`${countText(data.length, 'input')}, ${bytesText(data.reduce((sum, { bytes }) => sum + bytes, 0))}`,
        ]
      : []),
    ...job.environments.map(
      ({ python, lock }) =>
        html`Python ${python}${lock && html`, lock <code>${digestText(lock.digest)}</code>`}`,
    ),
    ...(model ? [html`model <code>${digestText(model.digest)}</code>, ${bytesText(model.bytes)}`] : []),
  ];
}

function whatItBecame({ jobs }: RunRecord, belongs: (modelDigest: string | null) => boolean): Html[] {
  return [
    ...jobs
      .flatMap(({ packages }) => packages)
      .filter(({ modelDigest }) => belongs(modelDigest))
      .map(
        ({ name, digest, bytes }) =>
          html`package ${name} <code>${digestText(digest)}</code>, ${bytesText(bytes)}`,
      ),
    ...jobs
      .flatMap(({ images }) => images)
      .filter(({ modelDigest }) => belongs(modelDigest))
      .map(({ name, digest, tags, platforms }) => {
        const tagged = tags.length > 0 && `:${tags[0]}`;
        const bytes = platforms.reduce((sum, platform) => sum + platform.bytes, 0);
        return html`image ${name}${tagged} <code>${digestText(digest)}</code>, ${bytesText(bytes)}`;
      }),
    ...jobs
      .flatMap(({ deployments }) => deployments)
      .filter(({ modelDigest }) => belongs(modelDigest))
      .map(
        ({ outcome, environment, revision, url }) =>
          html`${outcome} to ${url ? link(url, environment) : environment} as <code>${revision}</code>`,
      ),
  ];
}
