/**
 * The part of a Dockerode instance that Flotsam uses. Satisfied by dockerode 4 and 5, and by any object whose `modem` is a
 * docker-modem.
 */
export interface EngineClient {
  readonly modem: { readonly dial: (...args: never[]) => unknown }
}
