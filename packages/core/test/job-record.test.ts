import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readGitHub } from '../src/github.ts';
import { readJobRecord } from '../src/record/job-record.ts';
import { jobRecordSchema } from '../src/record/schema.ts';

let temp: string;
beforeEach(async () => {
  temp = await mkdtemp(join(tmpdir(), 'job-record-'));
});
afterEach(() => rm(temp, { recursive: true }));

it('of an action that knew nothing of images is read, in this job and later', async () => {
  const github = readGitHub({ RUNNER_TEMP: temp, GITHUB_JOB: 'train' });
  const { images: _, modelArtifacts: __, ...before } = readJobRecord(github);
  await mkdir(join(temp, 'mlops'));
  await writeFile(join(temp, 'mlops', 'run-record.json'), JSON.stringify({ ...before, attempt: 3 }));
  expect(readJobRecord(github)).toEqual({ ...before, attempt: 3, images: [], modelArtifacts: [] });
  expect(jobRecordSchema.parse(before)).toMatchObject({ images: [], modelArtifacts: [] });
});
