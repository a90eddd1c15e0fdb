<?php
/**
 * PHP's own web server, as a part of the tests.
 *
 * @package Artly_Reminder_Bridge
 */

/**
 * Runs PHP's own web server on a free port of 127.0.0.1 until the tests end.
 */
final class Artly_Php_Server {

	/**
	 * Address, without a trailing slash.
	 *
	 * @var string
	 */
	public string $url;

	/**
	 * The running process.
	 *
	 * @var resource
	 */
	private $process;

	/**
	 * Starts the server and waits until it takes connections.
	 *
	 * @param string               $router  Script that answers.
	 * @param string               $root    Folder to serve.
	 * @param array<string,string> $env     Added to the environment.
	 * @param int                  $workers How many requests it answers at a time.
	 */
	public function __construct( string $router, string $root, array $env = array(), int $workers = 1 ) {
		$port      = self::free_port();
		$this->url = "http://127.0.0.1:{$port}";
		$env      += getenv();

		$env['PHP_CLI_SERVER_WORKERS'] = (string) $workers;
		// A session of its own, so that its workers end with it.
		$command       = array( 'setsid', PHP_BINARY, '-d', 'display_errors=0', '-S', "127.0.0.1:{$port}", '-t', $root, $router );
		$null          = array( 'file', '/dev/null', 'a' );
		$pipes         = array();
		$this->process = proc_open( $command, array( array( 'file', '/dev/null', 'r' ), $null, $null ), $pipes, $root, $env );
		register_shutdown_function( array( $this, 'stop' ) );
		$this->wait( $port );
	}

	/**
	 * Ends the server and its workers.
	 */
	public function stop(): void {
		if ( is_resource( $this->process ) ) {
			posix_kill( -proc_get_status( $this->process )['pid'], SIGTERM );
			proc_close( $this->process );
		}
	}

	/**
	 * A port that nobody uses now.
	 */
	public static function free_port(): int {
		$socket = stream_socket_server( 'tcp://127.0.0.1:0' );
		$name   = stream_socket_get_name( $socket, false );
		fclose( $socket );
		return (int) substr( $name, strrpos( $name, ':' ) + 1 );
	}

	/**
	 * Waits until the port is open.
	 *
	 * @param int $port The port.
	 * @throws RuntimeException Where it does not open.
	 */
	private function wait( int $port ): void {
		for ( $try = 0; $try < 200; $try++ ) {
			$socket = @fsockopen( '127.0.0.1', $port ); // phpcs:ignore WordPress.PHP.NoSilencedErrors
			if ( false !== $socket ) {
				fclose( $socket );
				return;
			}
			usleep( 25000 );
		}
		throw new RuntimeException( 'The web server of PHP did not start.' );
	}
}
