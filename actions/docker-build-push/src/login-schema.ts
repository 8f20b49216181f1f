import * as z from 'zod';
import { providers } from './login/request.ts';

const text = z.string().min(1);

export const loginsSchema = z.array(
  z.strictObject({
    registry: text.describe('Host, with its port where it has one; docker.io for Docker Hub.'),
    username: text.optional(),
    password: text.optional(),
    provider: z.enum(providers).optional().describe('Default: by the name of the host.'),
    role: text.optional().describe("Amazon: role to take on with the workflow's identity."),
    'workload-identity-provider': text.optional().describe('Google.'),
    'service-account': text.optional().describe('Google: whom to impersonate.'),
    'client-id': text.optional().describe('Azure.'),
    'tenant-id': text.optional().describe('Azure.'),
  }),
);
