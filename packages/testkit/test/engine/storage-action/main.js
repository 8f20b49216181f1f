import { appendFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DefaultArtifactClient } from '@actions/artifact';
import { restoreCache, saveCache } from '@actions/cache';

const input = (name) => process.env[`INPUT_${name.toUpperCase()}`] ?? '';
const artifacts = new DefaultArtifactClient();
const name = input('name');
const path = resolve(input('path'));

const operations = {
  upload: async () => (await artifacts.uploadArtifact(name, [path], dirname(path))).digest,
  download: async () => {
    const { artifact } = await artifacts.getArtifact(name);
    return (await artifacts.downloadArtifact(artifact.id, { path, expectedHash: artifact.digest }))
      .digestMismatch;
  },
  list: async () => (await artifacts.listArtifacts()).artifacts.map((artifact) => artifact.name).join(','),
  save: () => saveCache([input('path')], name),
  restore: async () => (await restoreCache([input('path')], name)) ?? 'nothing',
};

const answer = await operations[input('do')]();
appendFileSync(process.env.GITHUB_OUTPUT, `answer=${answer}\n`);
