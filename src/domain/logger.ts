/**
 * Receives log lines: a pino logger, or any object with the same four methods, called with the fields and then the message.
 * Errors that it throws are ignored.
 */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  /** If present, lines of disabled levels are not even formatted. */
  isLevelEnabled?(level: LogLevel): boolean
}

/** The log levels that Flotsam uses. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
