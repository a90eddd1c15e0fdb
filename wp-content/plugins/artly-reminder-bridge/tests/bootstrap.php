<?php
/**
 * Starts the tests in a real WordPress: ARTLY_TEST_WP_ROOT is a folder with wp-load.php whose database runs.
 *
 * @package Artly_Reminder_Bridge
 */

if ( ! is_file( getenv( 'ARTLY_TEST_WP_ROOT' ) . '/wp-load.php' ) ) {
	fwrite( STDERR, "Set ARTLY_TEST_WP_ROOT to the folder of a WordPress (with wp-load.php) whose database is running.\n" );
	exit( 1 );
}

/**
 * Runs a script of the tests in a process of its own.
 *
 * @param string               $script    Its path in this folder.
 * @param string[]             $arguments Its arguments.
 * @param array<string,string> $env       Added to the environment.
 * @return string What it printed.
 * @throws RuntimeException Where it fails.
 */
function artly_test_run( string $script, array $arguments = array(), array $env = array() ): string {
	$command = array_merge( array( PHP_BINARY, '-d', 'display_errors=0', __DIR__ . '/' . $script ), $arguments );
	$pipes   = array();
	$process = proc_open( $command, array( 1 => array( 'pipe', 'w' ) ), $pipes, null, $env + getenv() );
	$printed = (string) stream_get_contents( $pipes[1] );
	if ( 0 !== proc_close( $process ) ) {
		throw new RuntimeException( "{$script} failed: {$printed}" );
	}
	return $printed;
}

artly_test_run( 'support/install.php' );
register_shutdown_function( 'artly_test_run', 'support/install.php', array( 'remove' ) );

// The administration's functions, as in a request of the page. WordPress 6.1 itself is not silent on newer PHP.
define( 'WP_ADMIN', true );
error_reporting( E_ALL & ~E_DEPRECATED );
require __DIR__ . '/support/own-tables.php';
require getenv( 'ARTLY_TEST_WP_ROOT' ) . '/wp-load.php';
error_reporting( E_ALL & ~E_DEPRECATED );
require_once ABSPATH . 'wp-admin/includes/admin.php';

require __DIR__ . '/support/class-artly-php-server.php';
require __DIR__ . '/support/class-artly-test-case.php';
