/** Of the command that runs another one. */
export const sessionName = 'session'
