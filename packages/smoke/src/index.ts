export { compare, runSmoke, type SmokeRequest, type SmokeResult, smokeSchema } from './smoke.ts';
