<?php
/**
 * Runs the statements it gets as JSON on standard input, in one transaction, and prints the rows of the last one.
 *
 * PHP and its MySQL driver are here anyway for WordPress, so the demo needs no database client of its own.
 */

mysqli_report( MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT );

$request = json_decode( stream_get_contents( STDIN ), true, 512, JSON_THROW_ON_ERROR );

try {
	$database = new mysqli( '127.0.0.1', $request['user'], $request['password'], $request['database'], $request['port'] );
	$database->set_charset( 'utf8mb4' );
	$database->begin_transaction();
	$rows = array();
	foreach ( $request['statements'] as $statement ) {
		$result = $database->query( $statement );
		$rows   = $result instanceof mysqli_result ? $result->fetch_all( MYSQLI_ASSOC ) : array();
	}
	$database->commit();
	echo json_encode( $rows, JSON_THROW_ON_ERROR );
} catch ( mysqli_sql_exception $error ) {
	fwrite( STDERR, $error->getMessage() . "\n" );
	exit( 1 );
}
